"""What shoppers read, in each language we speak: a catalogue as data, and the choice of a language for a visitor."""

from types import MappingProxyType

DEFAULT_LOCALE = "en"
LANGUAGES = MappingProxyType({"en": "English", "de": "Deutsch", "ja": "日本語", "ar": "العربية"})
_RIGHT_TO_LEFT = frozenset({"ar"})
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"  # a name in Latin letters must not reorder the sentence around it (UAX 9)
_MOST_RANGES = 20  # ranges of an Accept-Language header that are looked at; longer ones are not from a browser

# One row per sentence, in the order of LANGUAGES. A row with a hole would fail at import, not on a shopper's screen.
_ROWS: dict[str, tuple[str, str, str, str]] = {
    "pay.title": ("Pay {merchant}", "An {merchant} zahlen", "{merchant} へのお支払い", "الدفع إلى {merchant}"),
    "pay.to": ("Payment to", "Zahlung an", "お支払い先", "الدفع إلى"),
    "pay.card": ("Card details", "Kartendaten", "カード情報", "بيانات البطاقة"),
    "pay.frame": (
        "Secure card fields",
        "Sichere Kartenfelder",
        "カード情報の安全な入力欄",
        "حقول البطاقة الآمنة",
    ),
    "pay.loading": (
        "Loading the secure card fields…",
        "Die sicheren Kartenfelder werden geladen …",
        "安全な入力欄を読み込んでいます…",
        "جارٍ تحميل حقول البطاقة الآمنة…",
    ),
    "pay.button": ("Pay {amount}", "{amount} bezahlen", "{amount} を支払う", "ادفع {amount}"),
    "pay.working": ("Paying…", "Zahlung läuft …", "処理しています…", "جارٍ الدفع…"),
    "pay.vault": (
        "Your card number goes straight to a certified card vault. {merchant} never sees it.",
        "Ihre Kartennummer geht direkt an einen zertifizierten Kartentresor. {merchant} sieht sie nie.",
        "カード番号は認定を受けた保管庫へ直接送られ、{merchant} が見ることはありません。",
        "ينتقل رقم بطاقتك مباشرة إلى خزنة بطاقات معتمدة، ولا يراه {merchant} أبدًا.",
    ),
    "pay.noscript": (
        "This page needs JavaScript to keep your card details safe. Please turn it on and reload the page. "
        "Nothing has been charged.",
        "Diese Seite benötigt JavaScript, um Ihre Kartendaten zu schützen. Bitte schalten Sie es ein und laden Sie "
        "die Seite neu. Es wurde nichts abgebucht.",
        "カード情報を保護するため、このページでは JavaScript が必要です。有効にしてから再読み込みしてください。"
        "まだ請求は行われていません。",
        "تحتاج هذه الصفحة إلى JavaScript لحماية بيانات بطاقتك. يُرجى تفعيله ثم إعادة تحميل الصفحة. لم يُخصم أي مبلغ.",
    ),
    "pay.fields_missing": (
        "The card fields could not be loaded. Nothing has been charged. Please reload the page.",
        "Die Kartenfelder konnten nicht geladen werden. Es wurde nichts abgebucht. Bitte laden Sie die Seite neu.",
        "入力欄を読み込めませんでした。請求は行われていません。ページを再読み込みしてください。",
        "تعذّر تحميل حقول البطاقة. لم يُخصم أي مبلغ. يُرجى إعادة تحميل الصفحة.",
    ),
    "pay.stale": (
        "This page is out of date. Please reload it before you pay.",
        "Diese Seite ist veraltet. Bitte laden Sie sie neu, bevor Sie zahlen.",
        "このページは古くなっています。お支払いの前に再読み込みしてください。",
        "هذه الصفحة قديمة. يُرجى إعادة تحميلها قبل الدفع.",
    ),
    "pay.too_many": (
        "This cannot be paid just now. Nothing has been charged. Please try again later.",
        "Die Zahlung ist im Moment nicht möglich. Es wurde nichts abgebucht. Bitte versuchen Sie es später erneut.",
        "ただいまお支払いいただけません。請求は行われていません。後ほどもう一度お試しください。",
        "لا يمكن الدفع في الوقت الحالي. لم يُخصم أي مبلغ. يُرجى المحاولة لاحقًا.",
    ),
    "pay.retry": (
        "The payment did not go through, and nothing has been charged. You can try again.",
        "Die Zahlung ist nicht zustande gekommen, es wurde nichts abgebucht. Sie können es erneut versuchen.",
        "お支払いは完了せず、請求も行われていません。もう一度お試しいただけます。",
        "لم تكتمل عملية الدفع ولم يُخصم أي مبلغ. يمكنك المحاولة مرة أخرى.",
    ),
    "pay.reference": ("Reference", "Referenz", "照会番号", "المرجع"),
    "pay.invoice": ("Invoice {number}", "Rechnung {number}", "請求書 {number}", "الفاتورة {number}"),
    "pay.back": ("Back to {merchant}", "Zurück zu {merchant}", "{merchant} に戻る", "العودة إلى {merchant}"),
    "pay.test": (
        "Test mode: no money moves",
        "Testmodus: Es fließt kein Geld",
        "テストモード：実際の請求はありません",
        "وضع الاختبار: لا تُنقل أموال",
    ),
    "state.succeeded.title": ("Payment received", "Zahlung erhalten", "お支払いが完了しました", "تم استلام الدفعة"),
    "state.succeeded.text": (
        "Thank you. {merchant} has your payment of {amount}.",
        "Vielen Dank. {merchant} hat Ihre Zahlung über {amount} erhalten.",
        "ありがとうございます。{merchant} へのお支払い {amount} を受け付けました。",
        "شكرًا لك. تلقّى {merchant} دفعتك بقيمة {amount}.",
    ),
    "state.already_paid.title": ("Already paid", "Bereits bezahlt", "お支払い済みです", "مدفوعة بالفعل"),
    "state.already_paid.text": (
        "{amount} to {merchant} has been paid. There is nothing left to pay, and you were not charged again.",
        "{amount} an {merchant} ist bezahlt. Es ist nichts mehr offen, und Sie wurden nicht noch einmal belastet.",
        "{merchant} への {amount} はお支払い済みです。再度請求されることはありません。",
        "تم دفع {amount} إلى {merchant}. لا يوجد مبلغ متبقٍّ، ولم يُخصم منك مرة أخرى.",
    ),
    "state.processing.title": (
        "We are confirming your payment",
        "Ihre Zahlung wird bestätigt",
        "お支払いを確認しています",
        "نؤكّد عملية الدفع",
    ),
    "state.processing.text": (
        "Please do not pay again. This page updates by itself; it usually takes a few seconds.",
        "Bitte zahlen Sie nicht noch einmal. Diese Seite aktualisiert sich von selbst, meist in wenigen Sekunden.",
        "もう一度お支払いにならないでください。通常は数秒で、このページが自動的に更新されます。",
        "يُرجى عدم الدفع مرة أخرى. تتحدّث هذه الصفحة تلقائيًا، ويستغرق ذلك عادةً بضع ثوانٍ.",
    ),
    "state.processing.slow": (
        "The bank is taking longer than usual. Please do not pay again. You may close this page and come back to it "
        "later: it will show the result.",
        "Die Bank braucht länger als üblich. Bitte zahlen Sie nicht noch einmal. Sie können diese Seite schließen und "
        "später wiederkommen: Sie zeigt dann das Ergebnis.",
        "銀行の確認に通常より時間がかかっています。もう一度お支払いにならないでください。"
        "このページを閉じて後で開き直すと、結果をご確認いただけます。",
        "يستغرق البنك وقتًا أطول من المعتاد. يُرجى عدم الدفع مرة أخرى. يمكنك إغلاق هذه الصفحة والعودة إليها لاحقًا "
        "لمعرفة النتيجة.",
    ),
    "state.failed.title": (
        "Payment not completed",
        "Zahlung nicht abgeschlossen",
        "お支払いが完了しませんでした",
        "لم تكتمل عملية الدفع",
    ),
    "state.failed.text": (
        "{amount} to {merchant} was not charged. Please contact {merchant} for another way to pay.",
        "{amount} an {merchant} wurde nicht abgebucht. Bitte fragen Sie {merchant} nach einem anderen Zahlungsweg.",
        "{merchant} への {amount} は請求されていません。別のお支払い方法については {merchant} へお問い合わせください。",
        "لم يُخصم {amount} لصالح {merchant}. يُرجى التواصل مع {merchant} لطريقة دفع أخرى.",
    ),
    "state.expired.title": (
        "This payment link has expired",
        "Dieser Zahlungslink ist abgelaufen",
        "このお支払いリンクは期限切れです",
        "انتهت صلاحية رابط الدفع",
    ),
    "state.expired.text": (
        "Nothing has been charged. Please ask {merchant} for a new link.",
        "Es wurde nichts abgebucht. Bitte fordern Sie bei {merchant} einen neuen Link an.",
        "請求は行われていません。{merchant} に新しいリンクをお求めください。",
        "لم يُخصم أي مبلغ. يُرجى طلب رابط جديد من {merchant}.",
    ),
    "link.amount": ("Amount", "Betrag", "金額", "المبلغ"),
    "link.range": (
        "From {least} to {most}.",
        "Von {least} bis {most}.",
        "{least} から {most} まで。",
        "من {least} إلى {most}.",
    ),
    "link.go": ("Continue to payment", "Weiter zur Zahlung", "お支払いへ進む", "المتابعة إلى الدفع"),
    "link.bad_amount": (
        "Please enter an amount from {least} to {most}.",
        "Bitte geben Sie einen Betrag von {least} bis {most} ein.",
        "{least} から {most} までの金額をご入力ください。",
        "يُرجى إدخال مبلغ من {least} إلى {most}.",
    ),
    "link.closed": (
        "Nothing can be paid by this link any more, and nothing has been charged. Please ask {merchant} for a new one.",
        "Über diesen Link kann nicht mehr gezahlt werden, und es wurde nichts abgebucht. Bitte fordern Sie bei "
        "{merchant} einen neuen an.",
        "このリンクではお支払いいただけません。請求は行われていません。{merchant} に新しいリンクをお求めください。",
        "لم يعد الدفع ممكنًا عبر هذا الرابط ولم يُخصم أي مبلغ. يُرجى طلب رابط جديد من {merchant}.",
    ),
    "link.busy": (
        "Somebody else is paying by this link just now. Nothing has been charged. Please try again in half an hour.",
        "Über diesen Link zahlt gerade jemand anderes. Es wurde nichts abgebucht. Bitte versuchen Sie es in einer "
        "halben Stunde erneut.",
        "現在ほかの方がこのリンクでお支払い中です。請求は行われていません。30分後にもう一度お試しください。",
        "يدفع شخص آخر عبر هذا الرابط الآن. لم يُخصم أي مبلغ. يُرجى المحاولة مرة أخرى بعد نصف ساعة.",
    ),
    "decline.generic": (
        "Your bank did not approve this card. Nothing has been charged. Please try another card.",
        "Ihre Bank hat diese Karte nicht freigegeben. Es wurde nichts abgebucht. Bitte nehmen Sie eine andere Karte.",
        "このカードは承認されませんでした。請求は行われていません。別のカードをお試しください。",
        "لم يوافق البنك على هذه البطاقة. لم يُخصم أي مبلغ. يُرجى تجربة بطاقة أخرى.",
    ),
    "decline.funds": (
        "There are not enough funds on this card. Please try another card.",
        "Das Guthaben dieser Karte reicht nicht aus. Bitte versuchen Sie eine andere Karte.",
        "このカードの残高が不足しています。別のカードをお試しください。",
        "رصيد هذه البطاقة غير كافٍ. يُرجى تجربة بطاقة أخرى.",
    ),
    "decline.limit": (
        "This card's limit does not allow the payment. Please try another card.",
        "Das Limit dieser Karte lässt die Zahlung nicht zu. Bitte versuchen Sie eine andere Karte.",
        "このカードのご利用限度額を超えています。別のカードをお試しください。",
        "حدّ هذه البطاقة لا يسمح بهذه الدفعة. يُرجى تجربة بطاقة أخرى.",
    ),
    "decline.expired": (
        "This card has expired, or its expiry date is not right. Please check it or try another card.",
        "Diese Karte ist abgelaufen, oder das Ablaufdatum stimmt nicht. Bitte prüfen Sie es oder nehmen eine andere.",
        "カードの有効期限が切れているか、正しくありません。ご確認いただくか、別のカードをお試しください。",
        "انتهت صلاحية هذه البطاقة أو أن تاريخ الانتهاء غير صحيح. يُرجى التحقق منه أو تجربة بطاقة أخرى.",
    ),
    "decline.number": (
        "The card number is not right. Please check it.",
        "Die Kartennummer stimmt nicht. Bitte prüfen Sie sie.",
        "カード番号が正しくありません。ご確認ください。",
        "رقم البطاقة غير صحيح. يُرجى التحقق منه.",
    ),
    "decline.cvc": (
        "The security code is not right. Please check it.",
        "Die Prüfnummer stimmt nicht. Bitte prüfen Sie sie.",
        "セキュリティコードが正しくありません。ご確認ください。",
        "رمز الأمان غير صحيح. يُرجى التحقق منه.",
    ),
    "decline.authentication": (
        "Your bank could not confirm that it is you. Nothing has been charged. Please try again or use another card.",
        "Ihre Bank konnte Sie nicht bestätigen. Es wurde nichts abgebucht. Bitte versuchen Sie es erneut "
        "oder nehmen Sie eine andere Karte.",
        "ご本人確認ができませんでした。請求は行われていません。もう一度お試しいただくか、別のカードをご利用ください。",
        "تعذّر على البنك التحقق من هويتك. لم يُخصم أي مبلغ. يُرجى المحاولة مرة أخرى أو استخدام بطاقة أخرى.",
    ),
    "decline.later": (
        "The payment could not be made just now. Nothing has been charged. Please try again in a moment.",
        "Die Zahlung ist gerade nicht möglich. Es wurde nichts abgebucht. Bitte versuchen Sie es gleich noch einmal.",
        "ただいまお支払いを処理できません。請求は行われていません。少し待ってからもう一度お試しください。",
        "تعذّر إتمام الدفع الآن. لم يُخصم أي مبلغ. يُرجى المحاولة بعد قليل.",
    ),
    "error.not_found.title": ("Not found", "Nicht gefunden", "ページが見つかりません", "الصفحة غير موجودة"),
    "error.not_found.text": (
        "There is nothing at this address. Please check that the link is complete.",
        "Unter dieser Adresse gibt es nichts. Bitte prüfen Sie, ob der Link vollständig ist.",
        "このアドレスには何もありません。リンクが途中で切れていないかご確認ください。",
        "لا يوجد شيء في هذا العنوان. يُرجى التحقق من اكتمال الرابط.",
    ),
    "error.stale.title": ("Please reload", "Bitte neu laden", "再読み込みしてください", "يُرجى إعادة التحميل"),
    "error.stale.text": (
        "This page is out of date, so nothing was done. Please go back, reload it and try again.",
        "Die Seite ist veraltet, daher wurde nichts ausgeführt. Bitte gehen Sie zurück, laden Sie sie neu "
        "und versuchen Sie es noch einmal.",
        "ページが古くなっているため、何も実行されていません。戻って再読み込みし、もう一度お試しください。",
        "هذه الصفحة قديمة، ولم يُنفَّذ أي شيء. يُرجى الرجوع وإعادة تحميلها ثم المحاولة مرة أخرى.",
    ),
    "error.refused.title": ("This did not work", "Das hat nicht geklappt", "処理できませんでした", "لم تنجح العملية"),
    "error.refused.text": (
        "The request could not be accepted, and nothing was done.",
        "Die Anfrage konnte nicht angenommen werden, es wurde nichts ausgeführt.",
        "リクエストを受け付けられず、何も実行されていません。",
        "تعذّر قبول الطلب، ولم يُنفَّذ أي شيء.",
    ),
    "error.broken.title": ("Something went wrong", "Etwas ist schiefgegangen", "問題が発生しました", "حدث خطأ ما"),
    "error.broken.text": (
        "The fault is ours, and it has been recorded. If you were paying, please do not pay again: "
        "open your payment link, and it will show the result.",
        "Der Fehler liegt bei uns und wurde aufgezeichnet. Falls Sie gerade gezahlt haben, zahlen Sie bitte nicht noch "
        "einmal: Ihr Zahlungslink zeigt das Ergebnis.",
        "当方の不具合で、記録済みです。お支払いの途中だった場合は、もう一度お支払いにならず、"
        "お支払いリンクを開いて結果をご確認ください。",
        "الخطأ من جانبنا وقد سُجِّل. إذا كنت تدفع، فيُرجى عدم الدفع مرة أخرى: افتح رابط الدفع لمعرفة النتيجة.",
    ),
    "error.back": ("Back", "Zurück", "戻る", "رجوع"),
    "language": ("Language", "Sprache", "言語", "اللغة"),
}

# The rows of the decline taxonomy that a shopper may be told about. Everything else is the generic sentence: nobody is
# told that a card is reported stolen or suspected of fraud (https://docs.stripe.com/declines/codes).
_DECLINES = MappingProxyType(
    {
        "insufficient_funds": "decline.funds",
        "card_velocity_exceeded": "decline.limit",
        "amount_limit_exceeded": "decline.limit",
        "expired_card": "decline.expired",
        "invalid_expiry": "decline.expired",
        "invalid_number": "decline.number",
        "incorrect_cvc": "decline.cvc",
        "authentication_required": "decline.authentication",
        "authentication_failed": "decline.authentication",
        "authentication_technical": "decline.authentication",
        "customer_canceled": "pay.retry",
        "issuer_unavailable": "decline.later",
        "processing_error": "decline.later",
        "gateway_unavailable": "decline.later",
        "not_submitted": "decline.later",
        "rate_limited": "decline.later",
        "try_again_later": "decline.later",
        "no_gateway": "decline.later",
    }
)


def language_of(locale: str) -> str:
    """The catalogue language of a locale: `de` for `de_CH` or `de-CH`; the default where we do not speak it."""
    language = locale.replace("_", "-").split("-")[0].lower()
    return language if language in LANGUAGES else DEFAULT_LOCALE


def direction_of(locale: str) -> str:
    """`rtl` or `ltr`, as HTML's `dir` wants it."""
    return "rtl" if language_of(locale) in _RIGHT_TO_LEFT else "ltr"


def text(locale: str, key: str, **values: str) -> str:
    """The sentence `key` in the language of `locale`. Raises KeyError for an unknown key or a missing value."""
    sentence = _ROWS[key][list(LANGUAGES).index(language_of(locale))]
    if direction_of(locale) == "rtl":
        values = {name: f"{_ISOLATE}{value}{_END_ISOLATE}" for name, value in values.items()}
    return sentence.format(**values)


def keys() -> frozenset[str]:
    """Every sentence there is."""
    return frozenset(_ROWS)


def decline_message(locale: str, reason: str) -> str:
    """What a shopper is told for a taxonomy reason (`insufficient_funds`…); unknown and delicate ones are generic."""
    return text(locale, _DECLINES.get(reason, "decline.generic"))


def negotiate(accept_language: str, asked: str = "") -> str:
    """The language for a visitor: the one asked for (`?locale=`), else Accept-Language's best (RFC 9110 §12.5.4)."""
    if asked and language_of(asked) == asked.replace("_", "-").split("-")[0].lower():
        return language_of(asked)
    ranked: list[tuple[int, int, str]] = []
    for position, item in enumerate(accept_language.split(",")[:_MOST_RANGES]):
        tag, _, parameter = item.strip().partition(";")
        language = tag.strip().split("-")[0].lower()
        weight = _weight_of(parameter)
        if language in LANGUAGES and weight > 0:
            ranked.append((-weight, position, language))
    return min(ranked)[2] if ranked else DEFAULT_LOCALE


def _weight_of(parameter: str) -> int:
    """`q=0.7` in thousandths; 1000 where there is none, 0 where it cannot be read."""
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1000
    whole, _, fraction = value.strip().partition(".")
    digits = (fraction + "000")[:3]
    if name.strip() != "q" or whole not in {"0", "1"} or not (digits.isascii() and digits.isdigit()):
        return 0
    return min(1000, int(whole) * 1000 + int(digits))
