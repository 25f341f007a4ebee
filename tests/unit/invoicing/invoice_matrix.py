"""Documents of every kind, tax, currency and language, as businesses of many countries write them.

The table is read by the tests that hold each of them against the rules, and by the contact sheet that shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from invoicing.credit import CreditPart, credit_everything, credit_parts
from invoicing.documents import (
    BankAccount,
    Delivery,
    DocumentAdjustment,
    DocumentType,
    DraftInvoice,
    FrozenRate,
    IssuedInvoice,
    Line,
    Party,
    Period,
    SalesTax,
    check_draft,
    compute,
)
from invoicing.tax import TaxKind, TaxTreatment
from invoicing.terms import (
    AgreedTerms,
    DiscountStep,
    EarlyPayment,
    EndOfMonthThenNetDays,
    Instalment,
    NetDays,
    due_date,
)

ISSUED_ON = date(2026, 11, 2)
PERIOD = Period(date(2026, 10, 1), date(2026, 10, 31))


@dataclass(frozen=True)
class Case:
    """A document: `credits` says of which parts the credit note of the invoice is (none: of everything). What EN 16931
    cannot say has no e-invoice: quotes, sales tax by line, three decimals."""

    content: DraftInvoice
    credits: tuple[CreditPart, ...] | None = None
    has_einvoice: bool = True

    @property
    def kind(self) -> DocumentType:
        return DocumentType.CREDIT_NOTE if self.credits is not None else self.content.type


# fmt: off
def _party(name: str, country: str, street: str, postal_code: str, city: str, vat_id: str = "", **more: Any) -> Party:
    return Party(name=name, country=country, address_lines=(street,), postal_code=postal_code, city=city,
                 vat_id=vat_id, **more)


SELLERS = {
    "DE": _party("Nordlicht GmbH", "DE", "Speicherstraße 14", "20457", "Hamburg", "DE136695976",
                 email="rechnung@nordlicht.example", contact_name="Ada Lund", contact_phone="+49 40 123456",
                 legal_information="Amtsgericht Hamburg HRB 12345 · Geschäftsführerin: Ada Lund"),
    "FR": _party("Atelier Lumière SARL", "FR", "12 rue Mercière", "69002", "Lyon", "FR40303265045",
                 legal_registration_id="303265045", legal_registration_scheme="0002",
                 legal_information="SARL au capital de 40 000 € · RCS Lyon 303 265 045"),
    "IT": _party("Officine Bianchi S.r.l.", "IT", "Via Torino 8", "20123", "Milano", "IT00743110157"),
    "ES": _party("Talleres del Sur, S.L.", "ES", "Calle Sierpes 22", "41004", "Sevilla", "ESB58378431"),
    "PT": _party("Azulejos do Tejo, Lda.", "PT", "Rua Augusta 100", "1100-053", "Lisboa", "PT501964843"),
    "NL": _party("Grachtenhuis B.V.", "NL", "Keizersgracht 1", "1015 CN", "Amsterdam", "NL004495445B01"),
    "PL": _party("Żółw Sp. z o.o.", "PL", "ul. Świętojańska 5", "81-368", "Gdynia", "PL8567346215"),
    "GR": _party("Αιγαίο Ναυτιλιακή Α.Ε.", "GR", "Ακτή Μιαούλη 3", "185 35", "Πειραιάς", "EL094259216"),
    "SE": _party("Skärgård AB", "SE", "Strandvägen 7", "114 56", "Stockholm", "SE123456789701"),
    "IE": _party("Liffey Software Ltd", "IE", "1 Ormond Quay", "D01 X2Y3", "Dublin", "IE6433435F"),
    "GB": _party("Thames Tools Ltd", "GB", "4 Bankside", "SE1 9JU", "London", "GB980780684"),
    "CH": _party("Alpenkraft AG", "CH", "Bahnhofstrasse 1", "8001", "Zürich", "CHE-123.456.788 MWST"),
    "US": _party("Acme Inc", "US", "1 Main Street", "10001", "New York", subdivision="NY", email="ar@acme.example"),
    "JP": _party("株式会社あおぞら商事", "JP", "千代田1-1", "100-0001", "東京都千代田区", "T1234567890123",
                 legal_registration_id="1234-56-789012"),
    "KR": _party("주식회사 한강상사", "KR", "세종대로 110", "04524", "서울특별시 중구", "124-81-00998",
                 legal_registration_id="110111-0012345"),
    "CN": _party("长江贸易有限公司", "CN", "南京东路100号", "200001", "上海市黄浦区", "91310000MA1FL4F19X",
                 legal_registration_id="310000400012345"),
    "TW": _party("長江貿易有限公司", "TW", "信義路五段7號", "110", "臺北市信義區", "12345675",
                 legal_registration_id="12345675"),
    "HK": _party("海港設計有限公司", "HK", "皇后大道中99號", "", "香港", legal_registration_id="CR 1234567"),
    "IN": _party("हिमालय उद्योग प्राइवेट लिमिटेड", "IN", "12 महात्मा गांधी मार्ग", "110001", "नई दिल्ली", "27AAPFU0939F1ZV",
                 legal_registration_id="U12345DL2019PTC123456"),
    "TH": _party("บริษัท สยามการค้า จำกัด", "TH", "99 ถนนสุขุมวิท", "10110", "กรุงเทพมหานคร", "1234567890121",
                 legal_registration_id="0105536000315"),
    "AE": _party("شركة الخليج للتجارة ذ.م.م", "AE", "شارع الشيخ زايد 15", "", "دبي", "100123456700003",
                 legal_registration_id="CN-1234567"),
    "KW": _party("شركة الخليج للاستشارات", "KW", "شارع فهد السالم", "13001", "مدينة الكويت"),
    "IL": _party("חברת הגליל בע״מ", "IL", "רחוב הרצל 12", "6688312", "תל אביב", "515211427",
                 legal_registration_id="51-521142-7"),
}
BUYERS = {
    "DE": _party("Bäckerei Müller & Söhne", "DE", "Invalidenstr. 5", "10115", "Berlin", "DE129274202"),
    "AT": _party("Alpen Sport GmbH", "AT", "Graben 21", "1010", "Wien", "ATU13585627"),
    "AT person": _party("Eva Huber", "AT", "Ring 1", "1010", "Wien"),
    "FR": _party("Café de la Gare SAS", "FR", "3 place Bellecour", "75010", "Paris", "FR40303265045",
                 legal_registration_id="303265045", legal_registration_scheme="0002"),
    "BE": _party("Chocolaterie Van Damme", "BE", "Rue Neuve 9", "1000", "Bruxelles", "BE0403019261"),
    "IT": _party("Trattoria da Lucia", "IT", "Piazza Navona 4", "00186", "Roma", "IT00743110157"),
    "ES": _party("Hotel Alhambra, S.A.", "ES", "Cuesta de Gomérez 4", "18009", "Granada", "ESB58378431"),
    "PT": _party("Padaria Ribeiro", "PT", "Praça da Ribeira 2", "4050-513", "Porto", "PT501964843"),
    "NL": _party("Fietsen van Dijk", "NL", "Coolsingel 40", "3011 AD", "Rotterdam", "NL004495445B01"),
    "PL": _party("Łódzka Piekarnia Świt", "PL", "ul. Piotrkowska 100", "90-004", "Łódź", "PL8567346215"),
    "GR": _party("Ωκεανός Εμπορική Ε.Π.Ε.", "GR", "Ερμού 10", "105 63", "Αθήνα", "EL094259216"),
    "BG": _party("Търговия Дунав ЕООД", "BG", "бул. Витоша 1", "1000", "София", "BG175074752"),
    "SE": _party("Fjäll & Sjö AB", "SE", "Drottninggatan 2", "411 14", "Göteborg", "SE123456789701"),
    "IE": _party("Claddagh Crafts", "IE", "5 Shop Street", "H91 AB12", "Galway", "IE6433435F"),
    "GB": _party("Cotswold Books LLP", "GB", "2 High Street", "GL54 1AA", "Stow", "GB980780684"),
    "CH": _party("Bäckerei Huber AG", "CH", "Marktgasse 8", "3011", "Bern", "CHE-123.456.788 MWST"),
    "CH it": _party("Ristorante Ticino SA", "CH", "Via Nassa 3", "6900", "Lugano", "CHE-123.456.788 IVA"),
    "CH fr": _party("Horlogerie Favre SA", "CH", "Rue du Rhône 30", "1204", "Genève", "CHE-123.456.788 TVA"),
    "US": _party("Lone Star Supplies LLC", "US", "500 Congress Ave", "78701", "Austin", subdivision="TX"),
    "US NY": _party("Hudson Coffee LLC", "US", "25 Broadway", "10004", "New York", subdivision="NY"),
    "MX": _party("Comercial Azteca, S.A. de C.V.", "MX", "Av. Juárez 50", "06010", "Ciudad de México"),
    "JP": _party("東京直販株式会社", "JP", "銀座4-5-6", "104-0061", "東京都中央区"),
    "KR": _party("부산무역 주식회사", "KR", "해운대로 20", "48094", "부산광역시"),
    "CN": _party("北京直营商贸公司", "CN", "长安街1号", "100005", "北京市东城区"),
    "TW": _party("臺灣精品股份有限公司", "TW", "中山路二段8號", "800", "高雄市"),
    "HK": _party("維港餐飲集團", "HK", "彌敦道88號", "", "九龍"),
    "IN": _party("गंगा व्यापार", "IN", "5 घाट रोड", "221001", "वाराणसी"),
    "TH": _party("ร้านกรุงเทพพาณิชย์", "TH", "1 ถนนเยาวราช", "10100", "กรุงเทพมหานคร"),
    "AE": _party("مؤسسة النور", "AE", "كورنيش أبوظبي 3", "", "أبوظبي", "100987654300003"),
    "KW": _party("مؤسسة المدينة", "KW", "شارع السور", "13002", "مدينة الكويت"),
    "IL": _party("מרכז הכרמל", "IL", "שדרות הנשיא 40", "3463801", "חיפה"),
}
BANKS = {
    "DE": BankAccount(holder="Nordlicht GmbH", iban="DE71110220330123456789", bic="SSKMDEMMXXX", bank="Hafenbank"),
    "FR": BankAccount(holder="Atelier Lumière SARL", iban="FR1420041010050500013M02606", bic="PSSTFRPPLYO"),
    "NL": BankAccount(holder="Grachtenhuis B.V.", iban="NL91ABNA0417164300", bic="ABNANL2A"),
    "ES": BankAccount(holder="Talleres del Sur, S.L.", iban="ES9121000418450200051332"),
    "PL": BankAccount(holder="Żółw Sp. z o.o.", iban="PL61109010140000071219812874"),
    "GR": BankAccount(holder="Αιγαίο Ναυτιλιακή Α.Ε.", iban="GR1601101250000000012300695"),
    "GB": BankAccount(holder="Thames Tools Ltd", iban="GB29NWBK60161331926819", bic="NWBKGB2L"),
    "CH": BankAccount(holder="Alpenkraft AG", iban="CH4431999123000889012"),
}
# What was sold, in each language: by the hour, in pieces, and one thing more; and a note.
SOLD = {
    "de": ("Beratung vor Ort", "Signalleuchte, wetterfest", "Fachbuch", "Vielen Dank für Ihren Auftrag."),
    "en": ("Consulting on site", "Signal lamp, weatherproof", "Handbook", "Thank you for your order."),
    "fr": ("Conseil sur place", "Lampe de signalisation", "Livre « Éclairage »", "Merci de votre confiance."),
    "it": ("Consulenza in loco", "Lampada di segnalazione", "Libro tecnico", "Grazie per la fiducia."),
    "es": ("Asesoría en sus instalaciones", "Lámpara de señalización", "Libro técnico", "Gracias por su pedido."),
    "pt": ("Consultoria no local", "Lâmpada de sinalização", "Livro técnico", "Obrigado pela sua preferência."),
    "nl": ("Advies op locatie", "Signaallamp, weerbestendig", "Vakboek", "Hartelijk dank voor uw opdracht."),
    "pl": ("Doradztwo na miejscu", "Lampa sygnalizacyjna", "Książka fachowa", "Dziękujemy za zamówienie."),
    "el": ("Συμβουλευτικές υπηρεσίες", "Φωτιστικό σηματοδότησης", "Τεχνικό βιβλίο", "Σας ευχαριστούμε."),
    "ja": ("システム保守費用（10月分）", "信号灯（防水型）", "技術書籍", "ご利用ありがとうございます。"),
    "ko": ("현장 컨설팅", "방수 신호등", "기술 서적", "주문해 주셔서 감사합니다."),
    "zh": ("现场咨询服务", "防水信号灯", "技术书籍", "感谢您的订购。"),
    "zh-Hant": ("現場諮詢服務", "防水信號燈", "技術書籍", "感謝您的訂購。"),
    "hi": ("स्थल पर परामर्श सेवा", "संकेत दीप", "तकनीकी पुस्तक", "आपके ऑर्डर के लिए धन्यवाद।"),
    "th": ("บริการที่ปรึกษานอกสถานที่", "โคมไฟสัญญาณ", "หนังสือเทคนิค", "ขอบคุณสำหรับคำสั่งซื้อ"),
    "ar": ("خدمات استشارية في الموقع", "مصباح إشارة LED 24V", "كتاب تقني", "شكرًا لطلبكم."),
    "he": ("שירותי ייעוץ באתר הלקוח", "מנורת איתות LED 24V", "ספר מקצועי", "תודה על ההזמנה."),
}
# fmt: on


def vat(rate_bps: int) -> TaxTreatment:
    return TaxTreatment(TaxKind.VAT, rate_bps)


def treated(kind: TaxKind, rate_bps: int = 0, **more: Any) -> TaxTreatment:
    return TaxTreatment(kind, rate_bps, **more)


def sold(language: str, *taxes: TaxTreatment, price: str = "95") -> tuple[Line, ...]:
    """Hours, then pieces, then a thing, as many as there are taxes."""
    hours, lamp, book, _ = SOLD[language]
    unit = Decimal(price)
    all_of_it = (
        (hours, Decimal("12.5"), unit, "HUR"), (lamp, Decimal(4), unit * 2, "C62"), (book, Decimal(1), unit / 5, "C62"),
    )  # fmt: skip
    return tuple(
        Line(text, quantity, each, tax, unit=measure)
        for (text, quantity, each, measure), tax in zip(all_of_it, taxes, strict=False)
    )


def rate(currency: str, into: str, base_units: str, quote_units: str, source: str = "ECB") -> dict[str, Any]:
    """The tax also in the currency of the state that takes it."""
    frozen = FrozenRate(
        base=currency,
        quote=into,
        base_units=Decimal(base_units),
        quote_units=Decimal(quote_units),
        on=date(2026, 10, 30),
        source=source,
    )
    return {"currency": currency, "tax_currency": into, "tax_rate": frozen}


def content(
    seller: str, buyer: str, language: str, lines: tuple[Line, ...], currency: str = "EUR", **more: Any
) -> DraftInvoice:
    """A document between two of the parties above, in the language of `locale` or this one."""
    said: dict[str, Any] = {
        "seller": SELLERS[seller], "buyer": BUYERS[buyer], "currency": currency, "lines": lines, "terms": NetDays(30),
        "locale": language, "supply_date": date(2026, 10, 31), "bank": BANKS.get(seller), "note": SOLD[language][3],
    }  # fmt: skip
    return DraftInvoice(**{**said, **more})


def _credited(case: DraftInvoice, *parts: CreditPart, has_einvoice: bool = True) -> Case:
    return Case(case, credits=parts, has_einvoice=has_einvoice)


def _plain(case: DraftInvoice) -> Case:
    return Case(case, has_einvoice=False)


V19, V7 = vat(1900), vat(700)
GERMAN_RATES = content(
    "DE", "DE", "de", sold("de", V19, V19, V7), buyer_reference="04011000-12345-34", purchase_order="PO-7781",
    discounts=(DocumentAdjustment(reason="Herbstaktion", percent=Decimal(5)),),
    charges=(DocumentAdjustment(reason="Fracht", amount=Decimal(45), tax=V19),), period=PERIOD,
)  # fmt: skip
FRENCH = content(
    "FR", "FR", "fr", sold("fr", vat(2000), vat(2000), vat(550)),
    terms=AgreedTerms(
        due=EndOfMonthThenNetDays(15), early_payment=EarlyPayment(steps=(DiscountStep(10, 200), DiscountStep(20, 100)))
    ),
)  # fmt: skip
POLISH = content("PL", "PL", "pl", sold("pl", vat(2300), vat(2300), vat(500), price="240"), "PLN")
BRITISH = content("GB", "GB", "en", sold("en", vat(2000), vat(2000)), "GBP", locale="en-GB")
JAPANESE = content(
    "JP", "JP", "ja",
    sold("ja", treated(TaxKind.CONSUMPTION_TAX, 1000), treated(TaxKind.CONSUMPTION_TAX, 1000),
         treated(TaxKind.CONSUMPTION_TAX, 800), price="12500"), "JPY",
)  # fmt: skip
EMIRATI = content("AE", "AE", "ar", sold("ar", vat(500), vat(500)), "AED")
ISRAELI = content("IL", "IL", "he", sold("he", vat(1800), vat(1800), vat(1800), price="380"), "ILS")
AMERICAN = content(
    "US", "US NY", "en",
    (
        Line(
            "Standing desk, oak\nAssembled on site", Decimal(2), Decimal("740"), treated(TaxKind.SALES_TAX),
            sales_taxes=(
                SalesTax(jurisdiction="US-NY", amount=Decimal("59.20"), percent=Decimal(4)),
                SalesTax(jurisdiction="New York City", amount=Decimal("66.60"), percent=Decimal("4.5")),
            ),
        ),
    ),
    "USD", locale="en-US",
)  # fmt: skip
SPANISH = content("ES", "ES", "es", sold("es", vat(2100), vat(2100), vat(400)))
RC, IC, EXPORT = (treated(kind) for kind in (TaxKind.REVERSE_CHARGE, TaxKind.INTRA_COMMUNITY, TaxKind.EXPORT))
OUTSIDE, ZERO = treated(TaxKind.OUTSIDE_SCOPE), treated(TaxKind.ZERO)
QUOTE, PROFORMA = {"type": DocumentType.QUOTE}, {"type": DocumentType.PROFORMA}

CASES: dict[str, Case] = {
    "DE two rates, discount and freight": Case(GERMAN_RATES),
    "DE credited in part": _credited(GERMAN_RATES, CreditPart(item=0, quantity=Decimal(2)), CreditPart(item=2)),
    "DE credited": _credited(GERMAN_RATES),
    "DE quote": _plain(content("DE", "DE", "de", sold("de", V19, V19, V7), **QUOTE)),
    "DE pro forma": _plain(content("DE", "AT", "de", sold("de", RC), **PROFORMA)),
    "DE reverse charge to Austria": Case(content("DE", "AT", "de", sold("de", RC), locale="de-AT")),
    "DE intra-community to France": Case(
        content(
            "DE", "FR", "fr", sold("fr", IC, IC),
            delivery=Delivery(
                country="FR", name="Dépôt Lyon", address_lines=("12 rue Mercière",), postal_code="69002", city="Lyon"
            ),
        )
    ),
    "DE intra-community to Bulgaria": Case(content("DE", "BG", "en", sold("en", IC, IC))),
    "DE export to the United States": Case(
        content("DE", "US", "en", sold("en", EXPORT, EXPORT), locale="en-US", **rate("USD", "EUR", "1.0869", "1"))
    ),
    "DE export to Switzerland": Case(
        content("DE", "CH", "de", sold("de", EXPORT), locale="de-CH", **rate("CHF", "EUR", "0.9312", "1"))
    ),
    "DE in dollars": Case(
        content("DE", "DE", "en", sold("en", V19, V19), locale="en-US", **rate("USD", "EUR", "1.0869", "1"))
    ),
    "DE One Stop Shop to Austria": Case(
        content("DE", "AT person", "de", sold("de", treated(TaxKind.OSS, 2000, place="AT")))
    ),
    "DE reverse charge at home": Case(
        content("DE", "DE", "de", sold("de", treated(TaxKind.DOMESTIC_REVERSE_CHARGE, reason="§ 13b UStG")))
    ),
    "DE exempt": Case(
        content(
            "DE", "DE", "de",
            sold("de", treated(TaxKind.EXEMPT, reason="Unterricht", reason_code="VATEX-EU-132-1I")),
        )
    ),
    "DE margin scheme": Case(
        content("DE", "DE", "de", sold("de", treated(TaxKind.MARGIN_SCHEME, reason_code="VATEX-EU-F")))
    ),
    "DE prices with tax": Case(content("DE", "AT person", "de", sold("de", V19, V19, V7), prices_include_tax=True)),
    "FR two rates, early payment": Case(FRENCH),
    "FR credited": _credited(FRENCH),
    "FR reverse charge to Belgium": Case(content("FR", "BE", "fr", sold("fr", RC), locale="fr-BE")),
    "IT ordinary": Case(content("IT", "IT", "it", sold("it", vat(2200), vat(2200), vat(400)))),
    "IT intra-community to Germany": Case(content("IT", "DE", "it", sold("it", IC, IC))),
    "ES three lines": Case(SPANISH),
    "ES quote": _plain(content("ES", "MX", "es", sold("es", EXPORT, EXPORT), locale="es-MX", **QUOTE)),
    "PT ordinary": Case(content("PT", "PT", "pt", sold("pt", vat(2300), vat(2300), vat(600)))),
    "NL instalments": Case(
        content(
            "NL", "NL", "nl", sold("nl", vat(2100), vat(2100), vat(900)),
            terms=AgreedTerms(
                instalments=(Instalment(due=NetDays(10), share_bps=4000), Instalment(due=NetDays(40), share_bps=6000))
            ),
        )
    ),
    "NL reverse charge to Germany": Case(content("NL", "DE", "nl", sold("nl", RC))),
    "PL two rates in zloty": Case(POLISH),
    "PL credited in part": _credited(POLISH, CreditPart(item=1, quantity=Decimal(1))),
    "GR ordinary": Case(content("GR", "GR", "el", sold("el", vat(2400), vat(2400), vat(600)))),
    "GR credited": _credited(content("GR", "GR", "el", sold("el", vat(2400)))),
    "SE in kronor": Case(content("SE", "SE", "en", sold("en", vat(2500), vat(2500), vat(600), price="900"), "SEK")),
    "IE ordinary": Case(content("IE", "IE", "en", sold("en", vat(2300), vat(2300), ZERO), locale="en-IE")),
    "GB ordinary": Case(BRITISH),
    "GB credited": _credited(BRITISH),
    "GB zero rate": Case(content("GB", "GB", "en", sold("en", ZERO, ZERO, ZERO), "GBP", locale="en-GB")),
    "GB outside the scope": Case(
        content("GB", "DE", "en", sold("en", OUTSIDE), locale="en-GB", **rate("EUR", "GBP", "1", "0.87", "HMRC"))
    ),
    "CH ordinary, in Italian": Case(content("CH", "CH it", "it", sold("it", vat(810), vat(810), vat(260)), "CHF")),
    "CH ordinary, in French": Case(content("CH", "CH fr", "fr", sold("fr", vat(810)), "CHF", locale="fr-CH")),
    "US sales tax by line": _plain(AMERICAN),
    "US quote": _plain(content("US", "MX", "es", sold("es", EXPORT, EXPORT), "USD", locale="es-MX", **QUOTE)),
    "JP two rates": Case(JAPANESE),
    "JP credited": _credited(JAPANESE),
    "JP pro forma": _plain(content("JP", "KR", "ja", sold("ja", EXPORT, price="12500"), "JPY", **PROFORMA)),
    "KR ordinary": Case(content("KR", "KR", "ko", sold("ko", vat(1000), vat(1000), price="130000"), "KRW")),
    "CN two rates": Case(content("CN", "CN", "zh", sold("zh", vat(600), vat(1300), price="680"), "CNY")),
    "TW ordinary": Case(
        content("TW", "TW", "zh-Hant", sold("zh-Hant", vat(500), vat(500), price="3200"), "TWD", locale="zh-TW")
    ),
    "HK without tax": Case(
        content("HK", "HK", "zh-Hant", sold("zh-Hant", OUTSIDE, OUTSIDE, price="780"), "HKD", locale="zh-HK")
    ),
    "IN ordinary": Case(content("IN", "IN", "hi", sold("hi", vat(1800), vat(1800), vat(500), price="7500"), "INR")),
    "TH ordinary": Case(content("TH", "TH", "th", sold("th", vat(700), vat(700), vat(700), price="3400"), "THB")),
    "TH quote": _plain(content("TH", "TH", "th", sold("th", vat(700), vat(700), price="3400"), "THB", **QUOTE)),
    "AE tax invoice": Case(EMIRATI),
    "AE credited": _credited(EMIRATI),
    "KW three decimals": _plain(content("KW", "KW", "ar", sold("ar", ZERO, ZERO, price="28.125"), "KWD")),
    "IL ordinary": Case(ISRAELI),
    "IL quote": _plain(content("IL", "IL", "he", sold("he", vat(1800), vat(1800), price="380"), "ILS", **QUOTE)),
    "DE twenty lines": Case(
        content("DE", "DE", "en", tuple(Line(f"Consulting day {day}", Decimal(1), Decimal("840.50"), V19)
                                        for day in range(1, 21)))
    ),
}  # fmt: skip


def issued(case: Case, number: str, on: date = ISSUED_ON) -> IssuedInvoice:
    """The document as it is issued, by the same rules as one that is kept. Raises invoicing's refusals."""
    check_draft(case.content)
    document = _frozen(case.content, number, on)
    if case.credits is None:
        return document
    parts = credit_parts(document, case.credits) if case.credits else credit_everything(document)
    return _frozen(parts, f"CN-{number}", on)


def _frozen(draft: DraftInvoice, number: str, on: date) -> IssuedInvoice:
    return IssuedInvoice(
        number=number, issue_date=on, due_date=due_date(draft.terms, on), content=draft, totals=compute(draft)
    )
