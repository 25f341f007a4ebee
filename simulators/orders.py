"""What a tester orders, read and checked: scenarios and the treatment of webhooks."""

from __future__ import annotations

from datetime import timedelta

from simulators.deliveries import Mode, Treatment
from simulators.fields import FieldRefused, Fields
from simulators.scenarios import OPERATIONS, Behaviour, Distribution, Latency, Scenario
from simulators.world import GATEWAYS, World

SUBJECTS = (*GATEWAYS, "vault", "vies", "*")
"""Whom a scenario may be about."""


def scenario_of(fields: Fields, world: World) -> Scenario:
    """{gateway, operation, behaviour, times?, share?, seed?, until?, when?, seconds?, latency?, reason? | code?,
    retry_after?, status?}. `times` is 1, and without end where there is a `share` or `until` (seconds of world time
    from now). Raises FieldRefused."""
    fields.only(
        *("gateway", "operation", "behaviour", "times", "share", "seed", "until", "when"),
        *("seconds", "latency", "reason", "code", "retry_after", "status"),
    )
    behaviour = Behaviour(fields.choice("behaviour", list(Behaviour)))
    _refuse_strangers(fields, behaviour)
    is_lasting = fields.has("share") or fields.has("until")
    seconds = fields.number("seconds", 0.0, most=86_400)
    if behaviour is Behaviour.REFUSE and not seconds:
        raise FieldRefused("seconds", "must say for how long connections are refused")
    until_s = fields.number("until", least=0.001) if fields.has("until") else None
    return Scenario(
        gateway=fields.choice("gateway", SUBJECTS),
        operation=fields.choice("operation", OPERATIONS),
        behaviour=behaviour,
        times=fields.integer("times", 1, least=1) if fields.has("times") or not is_lasting else None,
        seconds=seconds,
        reason=fields.text("reason", "do_not_honor"),
        when=fields.texts("when", {}),
        share=fields.number("share", 1.0, most=1.0),
        seed=fields.integer("seed", 0, least=-(10**12)),
        latency=_latency(fields),
        code=fields.text("code", ""),
        retry_after_s=fields.integer("retry_after", 0) if fields.has("retry_after") else None,
        status=fields.integer("status", 502, least=200, most=599),
        until=None if until_s is None else world.clock.now() + timedelta(seconds=until_s),
    )


def _refuse_strangers(fields: Fields, behaviour: Behaviour) -> None:
    """A field that this behaviour would not heed is a mistake."""
    owners = {
        "reason": (Behaviour.DECLINE,),
        "code": (Behaviour.DECLINE,),
        "retry_after": (Behaviour.HTTP_429,),
        "latency": (Behaviour.DELAY,),
        "status": (Behaviour.HTML_INSTEAD,),
        "seconds": (Behaviour.DELAY, Behaviour.HANG, Behaviour.HANG_AFTER, Behaviour.REFUSE),
    }
    for name, behaviours in owners.items():
        if fields.has(name) and behaviour not in behaviours:
            raise FieldRefused(name, f"means nothing to behaviour {behaviour}: it is for {', '.join(behaviours)}")
    if fields.has("reason") and fields.has("code"):
        raise FieldRefused("code", "and reason exclude each other")


def _latency(fields: Fields) -> Latency | None:
    sent = fields.mapping("latency")
    if sent is None:
        return None
    inner = Fields(sent)
    distribution = Distribution(inner.choice("distribution", list(Distribution)))
    match distribution:
        case Distribution.FIXED:
            inner.only("distribution", "seconds")
            seconds = inner.number("seconds", most=86_400)
            return Latency(distribution, seconds, seconds)
        case Distribution.UNIFORM:
            low_name, high_name = "low_seconds", "high_seconds"
        case Distribution.LOGNORMAL:
            low_name, high_name = "p50_seconds", "p99_seconds"
    inner.only("distribution", low_name, high_name)
    low_s = inner.number(low_name, least=0.0001 if distribution is Distribution.LOGNORMAL else 0, most=86_400)
    return Latency(distribution, low_s, inner.number(high_name, least=low_s, most=86_400))


def treatment_of(fields: Fields) -> Treatment:
    """{gateway, mode, event?, seconds?, share?, seed?}; `seconds` is for mode `late`. Raises FieldRefused."""
    fields.only("gateway", "mode", "event", "seconds", "share", "seed")
    mode = Mode(fields.choice("mode", list(Mode)))
    if fields.has("seconds") is not (mode is Mode.LATE):
        raise FieldRefused("seconds", "belongs to mode late, and must be there")
    return Treatment(
        gateway=fields.choice("gateway", GATEWAYS),
        event=fields.text("event", "*"),
        mode=mode,
        seconds=fields.number("seconds", 0.0),
        share=fields.number("share", 1.0, most=1.0),
        seed=fields.integer("seed", 0, least=-(10**12)),
    )
