import json, uuid, time
import pytest, httpx
from http_driving import Api
EUR={"amount": 1000, "currency": "EUR"}

async def test_paths(api):
    for p in ("/v1/payments", "/v1/payments/", "//v1/payments", "/v1//payments", "/v1/p%61yments", "/V1/payments", "/v1/./payments", "/v1/payments/%2e", "/v1/payments;x=1", "/v1/payments%2f"):
        u = httpx.URL("http://clearway.test").copy_with(raw_path=p.encode())
        r = await api.client.post(u, json={"amount": EUR}, headers={**api.headers(), "Idempotency-Key": "same"})
        print(p, r.status_code, r.json().get("id"), r.headers.get("idempotent-replayed"))

async def test_console_paths(api):
    for p in ("/console/login", "//console/login", "/console/login/", "/%63onsole/login", "/console//login"):
        u = httpx.URL("http://clearway.test").copy_with(raw_path=p.encode())
        r = await api.client.get(u)
        print(p, r.status_code)

async def test_static(api):
    for p in ("/static/../settings.py", "/static/%2e%2e/settings.py", "/static/..%2fsettings.py", "/static/%252e%252e%252fsettings.py", "/static//etc/passwd", "/static/%2fetc%2fpasswd", "/static/checkout.js%00.css", "/schema/../v1/payments", "/schema/%2e%2e", "/static/\\..\\x"):
        u = httpx.URL("http://clearway.test").copy_with(raw_path=p.encode())
        r = await api.client.get(u)
        print(p, r.status_code, r.text[:60])

async def test_methods(api):
    for h in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        r = await api.client.post("/v1/payments", json={"amount": EUR}, headers={**api.headers(), "Idempotency-Key": str(uuid.uuid4()), h: "DELETE"})
        print(h, r.status_code)
    for m in ("TRACE", "CONNECT", "PROPFIND", "FOO", "HEAD", "OPTIONS"):
        r = await api.client.request(m, "/v1/payments", headers=api.headers())
        print(m, r.status_code, r.text[:80])

async def test_bodies(api):
    for name, body in {"deep": b'{"metadata":' + b"["*200000 + b"]"*200000 + b"}", "bigint": b'{"amount":{"amount":' + b"9"*5000 + b',"currency":"EUR"}}', "bigint2": b'{"amount":{"amount":' + b"9"*30 + b',"currency":"EUR"}}', "float": b'{"amount":{"amount":1e400,"currency":"EUR"}}', "nan": b'{"amount":{"amount":NaN,"currency":"EUR"}}', "surr": b'{"amount":{"amount":1,"currency":"EUR"},"reference":"\\ud800"}', "neg": b'{"amount":{"amount":-1,"currency":"EUR"}}', "neg0": b'{"amount":{"amount":-0,"currency":"EUR"}}', "exp": b'{"amount":{"amount":1e3,"currency":"EUR"}}',"utf16": '{"amount":{"amount":1000,"currency":"EUR"}}'.encode("utf-16"), "bom": b"\xef\xbb\xbf{}", "deepobj": b'{"a":'*100000 + b"1" + b"}"*100000, "manyfields": json.dumps({f"f{i}": 1 for i in range(50000)}).encode(), "big": b" "*1_100_000}.items():
        t=time.perf_counter()
        r = await api.post("/v1/payments", body)
        print(name, r.status_code, round(time.perf_counter()-t,3), r.text[:150])
