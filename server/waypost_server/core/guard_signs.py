"""Signs of an attack on a specialist's instructions: RE2 expressions, and what each speaks for.

They are read against plain text (see `core/plain_text.py`), so that they need know neither capitals
nor disguises. A sign of HIGH severity is an attack whatever else is said; others make the head
surer, since ordinary people write them too.
"""

# ruff: noqa: E501, RUF001  (expressions are read whole; Turkish has such letters)

from dataclasses import dataclass

from waypost_server.core.clues import FlagKind, Severity

WEIGHTS = {Severity.LOW: 1.0, Severity.MEDIUM: 2.0, Severity.HIGH: 4.0}
"""Logits that a sign adds to the head's: an odds ratio of about 3, 7 and 50."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One expression.

    Attributes:
        name: the detector's name in a flag.
        kind: what it is a sign of.
        severity: how much it says.
        pattern: the RE2 expression.
    """

    name: str
    kind: FlagKind
    severity: Severity
    pattern: str


_I, _J = FlagKind.PROMPT_INJECTION, FlagKind.JAILBREAK
_HIGH, _MEDIUM, _LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW

_IGNORE = (
    r"(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overlook|overrid(?:e|ing)|bypass|discard|neglect"
    r"|abandon|set aside|pay no attention to|(?:do not|don'?t|stop|not) (?:follow|obey)(?:ing)?|cancel|erase|drop)"
)
_EARLIER = (
    r"(?:previous(?:ly)?|prior|above|earlier|preceding|former|initial|original|existing|given|old|last|past"
    r"|your|system|developer'?s?|you(?:'ve| have| were| are)?(?: been)? (?:given|told|instructed|taught))"
)
_ORDERS = (
    r"(?:instructions?|prompts?|directives?|directions?|rules|guidelines?|commands?|orders|system message"
    r"|programming|training|policies|policy|restrictions?|constraints|tasks|assignments?|conversation)"
)
_TELL = (
    r"(?:show|reveal|print|output|display|repeat|tell|give|list|share|leak|expose|disclose|dump|echo|recite|read"
    r"|translate|encode|summari[sz]e|return|say|spell|copy|send|write|what(?:'s| is| are| was| were))"
)
_HIDDEN = r"(?:system|initial|hidden|secret|starting|developer|confidential|internal|original)"
_GUARDED = r"(?:password|passphrase|pass ?code|secret(?: (?:key|word|code|phrase|message))?|access code|secret key)"
_FREE = (
    r"(?:restrictions?|limits?|limitations?|rules|filters?|ethic(?:s|al)(?: \w+)?|guidelines|moral(?:s|ity)?"
    r"|censorship|constraints|boundaries|content policy|safety)"
)

SIGNS = (
    Sign("ignore_instructions", _I, _HIGH,
         rf"\b{_IGNORE}(?: \S+){{0,4}} {_EARLIER}(?: \S+){{0,2}} {_ORDERS}\b"),
    Sign("ignore_what_was_told", _I, _HIGH,
         rf"\b{_IGNORE} (?:all|everything|anything|every\w*|what|whatever)(?: \S+){{0,3}} (?:told|instructed|said|above|before|taught|learned)\b"),
    Sign("reveal_instructions", _I, _HIGH,
         rf"\b{_TELL}(?: \S+){{0,4}} (?:your|the|its)(?: \S+)? {_HIDDEN} (?:\w+ )?(?:prompts?|instructions?|messages?|directives|guidelines|rules|configuration)\b"),
    Sign("your_instructions", _I, _HIGH,
         rf"\b{_TELL}(?: \S+){{0,4}} your (?:\w+ )?(?:prompts?|instructions|directives|guidelines|configuration|programming)\b"),
    Sign("system_prompt", _I, _MEDIUM, r"\bsystem[ _-]?prompts?\b"),
    Sign("text_above", _I, _MEDIUM,
         r"\b(?:repeat|print|output|show|display|echo|copy|recite)(?: \S+){0,3} (?:text|words|everything|all|message|conversation|content)(?: \S+){0,2} (?:above|before this|so far|back to me)\b"),
    Sign("what_were_you_told", _I, _HIGH,
         r"\b(?:what|how|which)(?: \S+){0,2} (?:were|are|have) you (?:been )?(?:not )?(?:told|instructed|supposed|forbidden|given|configured|programmed)\b"),
    Sign("your_secret", _I, _HIGH, rf"\b(?:{_TELL}|guess|know)(?: \S+){{0,3}} (?:your|you(?:'re| are) (?:hiding|protecting|keeping))(?: \S+)? {_GUARDED}\b"),
    Sign("the_secret", _I, _MEDIUM, rf"\b{_TELL}(?: \S+){{0,3}} the {_GUARDED}\b"),
    Sign("chat_markup", _I, _HIGH,
         r"<\|?(?:im_start|im_end|system|endofprompt)\|?>|\[/?(?:inst|system)\]|<</?sys>>|</?system>|### ?(?:instruction|system)"),
    Sign("role_line", _I, _MEDIUM, r"(?:^|\n) ?\[?(?:system|assistant|developer)\]? ?:"),
    Sign("you_are_in_mode", _I, _HIGH,
         r"\byou(?:'re| are)(?: now)? (?:in|entering|operating in) (?:\w+ ){0,2}mode\b|\b(?:admin(?:istrator)?|system|developer|root|security) override\b"),
    Sign("mode", _I, _MEDIUM,
         r"\b(?:developer|debug|maintenance|admin|god|dan|sudo|system|test|unrestricted|diagnostic) mode\b"),
    Sign("new_instructions", _I, _MEDIUM,
         r"\bnew (?:instructions?|task|directives?|rules?|orders|policy|role)(?: \S+){0,2} ?(?::|follow|are|is)"),
    Sign("for_the_assistant", _I, _HIGH,
         r"\b(?:if you are|note to|attention|message for|instructions? (?:to|for)) (?:an? |the |any |all )?(?:ai|language model|llm|assistant|chatbot|gpt)\b"),
    Sign("forced_beginning", _J, _HIGH,
         r"\b(?:start|begin|beginning)(?:ing)? (?:your|the|each|every)? ?(?:answer|reply|response|message|sentence|output)s? with(?: \S+){0,2} ?[\"'](?:sure|of course|absolutely|my instructions|you are|i was)"),
    Sign("authority", _I, _MEDIUM,
         r"\b(?:i am|i'm|this is|as) (?:the |your |an? )?(?:\w+ )?(?:administrator|admin|developer|creator|owner|programmer|ceo|security team|engineer)\b"),
    Sign("authorised", _I, _MEDIUM, r"\b(?:i am|i'm|you are|user is|fully) (?:now )?(?:authori[sz]ed|permitted|allowed|cleared) to\b"),
    Sign("do_anything_now", _J, _HIGH, r"\bdo anything now\b|\b(?:act|you are|are now|called|named|known) (?:as )?dan\b|\bjailbr(?:eak|oken) (?:mode|prompt|yourself|now)\b"),
    Sign("without_rules", _J, _HIGH,
         rf"\b(?:you|your|ai|model|assistant|act|pretend|respond|answer|character|chatbot|bot)(?: \S+){{0,8}} (?:no|without|free (?:of|from)|not bound by|unbound by|ignore|lacks?|not have|beyond)(?: \S+){{0,3}} {_FREE}\b"),
    Sign("unfiltered", _J, _MEDIUM, r"\b(?:unfiltered|uncensored|amoral|unrestricted|unaligned|unethical|evil)\b(?: \S+){0,3} (?:ai|model|assistant|chatbot|bot|version|answers?|persona|twin|character)\b"),
    Sign("no_refusal", _J, _MEDIUM, r"\b(?:never|not|cannot|can't|don't|must not) (?:ever )?(?:refuse|decline|say (?:no|sorry|that you can't)|break character)\b"),
    Sign("from_now_on", _J, _MEDIUM, r"\b(?:from (?:now|this point|here) on(?:wards?)?|henceforth|hereafter),? (?:you|your|every|all|answer|i want)\b"),
    Sign("become", _J, _MEDIUM, r"\byou (?:are|will be|'re) (?:now|no longer|going to (?:be|act|play|pretend))\b"),
    Sign("stay_in_role", _J, _MEDIUM, r"\b(?:stay|remain|always) in (?:character|(?:your|their|the) roles?)\b|\bwithout (?:ever )?(?:breaking character|falling out)\b"),
    Sign("role_play", _J, _LOW, r"\b(?:pretend|role-?play|act as|act like|imagine you|simulate|hypothetical)\b"),
    Sign("forget_task", _I, _MEDIUM,
         r"\b(?:forget|stop|leave|drop|ignore)(?: \S+){0,3} (?:all|everything|that|tasks?|assignments?|before|this)\b(?: \S+){0,6} (?:now|instead|new|focus|and)\b"),
    Sign("secret_in_play", _I, _LOW, rf"\b{_GUARDED}\b"),
    Sign("decode_and_obey", _I, _MEDIUM, r"\bdecode\b(?: \S+){0,8} (?:follow|obey|execute|carry out|do what|act on)\b"),
    Sign("german", _I, _HIGH, r"\b(?:ignorier|vergiss|vergesse|missacht|verwirf)\w*(?: \S+){0,5} (?:anweisung|instruktion|regel|vorgabe|aufgabe|aufträge|befehl|prompt|gesagt)\w*|\b(?:zeig|nenn|wie lauten|gib|verrat)\w*(?: \S+){0,5} (?:system-?prompt|prompt-?texte?|geheim\w+ (?:anweisung|schlüssel|wort|passwort)\w*|anweisungen im)"),
    Sign("french", _I, _HIGH, r"\b(?:ignore[rz]?|oublie[rz]?|oublier|néglige[rz]?)(?: \S+){0,5} (?:instructions?|consignes?|règles?|directives?|ordres?)|\b(?:clé|mot de passe|code) (?:secr[eè]te?)|\b(?:message|prompt|invite) (?:du )?système"),
    Sign("spanish", _I, _HIGH, r"\b(?:ignora|ignore|olvida|olvide|olvídate|descarta)\w*(?: \S+){0,5} (?:instrucciones|reglas|directivas|órdenes|indicaciones)|\b(?:clave|contraseña|llave|código|palabra) secret[oa]|\b(?:prompt|mensaje) (?:del? )?sistema"),
    Sign("italian", _I, _HIGH, r"\b(?:ignora|dimentica|trascura)\w*(?: \S+){0,5} (?:istruzioni|regole|direttive|ordini)|\b(?:chiave|parola|password|codice) segret[ao]|\bprompt di sistema"),
    Sign("portuguese", _I, _HIGH, r"\b(?:ignore|ignora|esqueça|esquece|desconsidere)\w*(?: \S+){0,5} (?:instruções|regras|diretrizes|ordens)|\b(?:chave|senha|palavra|código) secret[ao]|\bprompt d[oe] sistema"),
    Sign("dutch", _I, _HIGH, r"\b(?:negeer|vergeet)(?: \S+){0,5} (?:instructies|regels|opdrachten|aanwijzingen)|\bsysteemprompt"),
    Sign("polish", _I, _HIGH, r"(?:zignoruj|zapomnij|pomiń)(?: \S+){0,5} (?:instrukcj|poleceni|zasad|reguł)"),
    Sign("russian", _I, _HIGH, r"(?:игнорируй|проигнорируй|забудь|не обращай|отбрось)\S*(?: \S+){0,5} (?:инструкци|указани|правил|команд|директив)|секретн\S+ (?:ключ|слов|код|парол)|системн\S+ (?:промпт|подсказк|сообщени)"),
    Sign("turkish", _I, _HIGH, r"(?:talimat|kural|yönerge|komut)\S*(?: \S+){0,3} (?:yok say|unut|göz ardı|görmezden)|gizli (?:anahtar|kelime|şifre|kod)"),
    Sign("indonesian", _I, _HIGH, r"(?:abaikan|lupakan)(?: \S+){0,4} (?:instruksi|perintah|aturan|petunjuk|arahan)|(?:kunci|kata sandi|kode) rahasia"),
    Sign("tagalog", _I, _HIGH, r"(?:huwag pansinin|kalimutan|balewalain)(?: \S+){0,5} (?:tagubilin|panuto|utos|patakaran|instruksyon)|(?:lihim|sikreto|sekreto)ng? (?:na )?(?:susi|key|password|salita)"),
    Sign("vietnamese", _I, _HIGH, r"(?:bỏ qua|quên|phớt lờ)(?: \S+){0,6} (?:hướng dẫn|chỉ dẫn|quy tắc|lệnh|chỉ thị)|(?:khóa|chìa khóa|mật khẩu|từ|mã) bí mật"),
    Sign("chinese", _I, _HIGH, r"(?:忽略|忽视|无视|忘记|忘掉|不要理会|忽略掉).{0,12}(?:指令|指示|规则|说明|提示|命令|内容)|系统提示|(?:秘密|机密)(?:密钥|钥匙|密码|代码|短语)|密钥是"),
    Sign("japanese", _I, _HIGH, r"(?:指示|命令|ルール|指令|説明).{0,10}(?:無視|忘れ)|システムプロンプト|(?:秘密|シークレット)の?(?:キー|鍵|パスワード|言葉|コード)"),
    Sign("korean", _I, _HIGH, r"(?:지시|명령|규칙|지침|설명).{0,12}(?:무시|잊)|시스템 ?프롬프트|비밀 ?(?:키|번호를 알려|단어|열쇠|코드)"),
    Sign("arabic", _I, _HIGH, r"(?:تجاهل|انس|انسى|تجاوز).{0,20}(?:التعليمات|الأوامر|القواعد|الإرشادات|التوجيهات)|(?:المفتاح|الرمز|كلمة) (?:السري|السر)"),
    Sign("hindi", _I, _HIGH, r"(?:निर्देश|नियम|आदेश|अनुदेश).{0,25}(?:अनदेखा|अनदेखी|नज़रअंदाज|नजरअंदाज|भूल)|(?:भूल|अनदेखा).{0,25}(?:निर्देश|नियम|आदेश)|(?:गुप्त|सीक्रेट) (?:कुंजी|कोड|शब्द|वाक्यांश|पासवर्ड)|सिस्टम प्रॉ?म्प्ट"),
    Sign("bengali", _I, _HIGH, r"(?:নির্দেশ|নিয়ম|আদেশ).{0,25}(?:উপেক্ষা|ভুলে|অগ্রাহ্য)|গোপন (?:চাবি|কী|কোড|শব্দ|পাসওয়ার্ড)"),
    Sign("thai", _I, _HIGH, r"(?:ละเว้น|เพิกเฉย|ลืม|ไม่สนใจ|มองข้าม).{0,20}(?:คำสั่ง|คำแนะนำ|กฎ)|(?:กุญแจ|คีย์|รหัส|รหัสผ่าน|คำ)ลับ"),
)  # fmt: skip
"""In English as attackers write it, and the two commonest requests in the languages that models
are attacked in most."""
