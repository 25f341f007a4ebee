"""The card fields that a merchant's page mounts in an iframe: in the shopper's language, without a submit button."""

from __future__ import annotations

import json
import secrets
from html import escape
from pathlib import Path

_NAMES = (
    *("number", "expiry", "cvc", "holder", "expiry_hint"),
    *("bad_number", "bad_expiry", "bad_cvc", "bad_holder", "trouble"),
)
_TEXTS = {
    "en": "Card number|Expiry date|Security code|Name on card|MM / YY|Check the card number|Check the expiry date"
    "|Enter the 3 or 4 digits on your card|Enter the name on the card|The card could not be saved. Try again.",
    "de": "Kartennummer|Gültig bis|Prüfnummer|Name auf der Karte|MM / JJ|Bitte die Kartennummer prüfen"
    "|Bitte das Ablaufdatum prüfen|Bitte die 3 oder 4 Ziffern der Karte eingeben|Bitte den Namen auf der Karte eingeben"
    "|Die Karte konnte nicht gespeichert werden. Bitte noch einmal versuchen.",
    "fr": "Numéro de carte|Date d’expiration|Code de sécurité|Nom sur la carte|MM / AA|Vérifiez le numéro de carte"
    "|Vérifiez la date d’expiration|Saisissez les 3 ou 4 chiffres de votre carte|Saisissez le nom sur la carte"
    "|La carte n’a pas pu être enregistrée. Réessayez.",
    "es": "Número de tarjeta|Fecha de caducidad|Código de seguridad|Nombre en la tarjeta|MM / AA"
    "|Revisa el número de tarjeta|Revisa la fecha de caducidad|Introduce los 3 o 4 dígitos de tu tarjeta"
    "|Introduce el nombre que figura en la tarjeta|No se ha podido guardar la tarjeta. Inténtalo de nuevo.",
    "it": "Numero della carta|Scadenza|Codice di sicurezza|Nome sulla carta|MM / AA|Controlla il numero della carta"
    "|Controlla la scadenza|Inserisci le 3 o 4 cifre della carta|Inserisci il nome sulla carta"
    "|Impossibile salvare la carta. Riprova.",
    "nl": "Kaartnummer|Vervaldatum|Beveiligingscode|Naam op de kaart|MM / JJ|Controleer het kaartnummer"
    "|Controleer de vervaldatum|Vul de 3 of 4 cijfers op je kaart in|Vul de naam op de kaart in"
    "|De kaart kon niet worden opgeslagen. Probeer het opnieuw.",
    "pt": "Número do cartão|Validade|Código de segurança|Nome no cartão|MM / AA|Verifique o número do cartão"
    "|Verifique a validade|Introduza os 3 ou 4 dígitos do cartão|Introduza o nome no cartão"
    "|Não foi possível guardar o cartão. Tente novamente.",
    "pl": "Numer karty|Data ważności|Kod zabezpieczający|Imię i nazwisko na karcie|MM / RR|Sprawdź numer karty"
    "|Sprawdź datę ważności|Wpisz 3 lub 4 cyfry z karty|Wpisz imię i nazwisko z karty"
    "|Nie udało się zapisać karty. Spróbuj ponownie.",
    "ja": "カード番号|有効期限|セキュリティコード|カード名義人|MM / YY"
    "|カード番号をご確認ください|有効期限をご確認ください"
    "|カードの3桁または4桁の番号を入力してください|カード名義人を入力してください"
    "|カードを保存できませんでした。もう一度お試しください。",
    "ar": "رقم البطاقة|تاريخ الانتهاء|رمز الأمان|الاسم على البطاقة|MM / YY|تحقق من رقم البطاقة|تحقق من تاريخ الانتهاء"
    "|أدخل الأرقام الثلاثة أو الأربعة على بطاقتك|أدخل الاسم الموجود على البطاقة|تعذر حفظ البطاقة. حاول مرة أخرى.",
    "el": "Αριθμός κάρτας|Ημερομηνία λήξης|Κωδικός ασφαλείας|Όνομα στην κάρτα|ΜΜ / ΕΕ|Ελέγξτε τον αριθμό της κάρτας"
    "|Ελέγξτε την ημερομηνία λήξης|Εισαγάγετε τα 3 ή 4 ψηφία της κάρτας|Εισαγάγετε το όνομα που αναγράφεται στην κάρτα"
    "|Δεν ήταν δυνατή η αποθήκευση της κάρτας. Δοκιμάστε ξανά.",
    "he": "מספר כרטיס|תוקף|קוד אבטחה|השם על הכרטיס|MM / YY|נא לבדוק את מספר הכרטיס|נא לבדוק את התוקף"
    "|נא להזין את 3 או 4 הספרות שעל הכרטיס|נא להזין את השם שעל הכרטיס|לא ניתן היה לשמור את הכרטיס. נא לנסות שוב.",
    "hi": "कार्ड नंबर|समाप्ति तिथि|सुरक्षा कोड|कार्ड पर नाम|MM / YY|कृपया कार्ड नंबर जाँचें|कृपया समाप्ति तिथि जाँचें"
    "|कृपया कार्ड के 3 या 4 अंक दर्ज करें|कृपया कार्ड पर लिखा नाम दर्ज करें|कार्ड सहेजा नहीं जा सका। कृपया फिर कोशिश करें।",
    "th": "หมายเลขบัตร|วันหมดอายุ|รหัสความปลอดภัย|ชื่อบนบัตร|MM / YY|โปรดตรวจสอบหมายเลขบัตร|โปรดตรวจสอบวันหมดอายุ"
    "|โปรดกรอกตัวเลข 3 หรือ 4 หลักบนบัตร|โปรดกรอกชื่อบนบัตร|บันทึกบัตรไม่สำเร็จ โปรดลองอีกครั้ง",
    "ko": "카드 번호|유효기간|보안 코드|카드에 적힌 이름|MM / YY|카드 번호를 확인해 주세요|유효기간을 확인해 주세요"
    "|카드의 숫자 3자리 또는 4자리를 입력해 주세요|카드에 적힌 이름을 입력해 주세요"
    "|카드를 저장하지 못했습니다. 다시 시도해 주세요.",
    "zh": "卡号|有效期|安全码|持卡人姓名|MM / YY|请核对卡号|请核对有效期|请输入卡上的 3 或 4 位数字|请输入卡上的姓名"
    "|无法保存此卡，请重试。",
    "zh-hant": "卡號|有效期限|安全碼|持卡人姓名|MM / YY|請核對卡號|請核對有效期限|請輸入卡片上的 3 或 4 位數字"
    "|請輸入卡片上的姓名|無法儲存此卡，請再試一次。",
}
_RIGHT_TO_LEFT = frozenset({"ar", "he"})
_TEMPLATE = Path(__file__).with_name("fields.html")


def render_fields(origin: str, locale: str) -> tuple[str, str]:
    """The page and the nonce of its script and style. An unknown locale falls back to English."""
    tag = locale.replace("_", "-").lower()
    language = tag if tag in _TEXTS else tag.split("-")[0]
    if language not in _TEXTS:
        language = "en"
    texts = dict(zip(_NAMES, _TEXTS[language].split("|"), strict=True))
    nonce = secrets.token_urlsafe(16)
    filled = {
        "lang": language,
        "dir": "rtl" if language in _RIGHT_TO_LEFT else "ltr",
        "nonce": nonce,
        "config": json.dumps({"origin": origin, "texts": texts}).replace("<", "\\u003c"),
        **{f"text_{name}": escape(value) for name, value in texts.items()},
    }
    page = _TEMPLATE.read_text(encoding="utf-8")
    for name, value in filled.items():
        page = page.replace("{{" + name + "}}", value)
    return page, nonce
