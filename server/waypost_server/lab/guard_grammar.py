"""Harmless requests made of parts: what people ask of a language model, with words that attacks use.

A head that is taught attacks and ordinary traffic alone takes every instruction to a model for an
attack, and every text in another language. These teach it otherwise.
"""

# ruff: noqa: E501, RUF001  (lists of phrases; foreign letters are meant)

import random
from collections.abc import Iterator, Sequence

_ASKS = """Describe {}.|Explain {} to a beginner.|Discuss the importance of {}.|Write a short story about {}.
Give me three examples of {}.|What are the advantages and disadvantages of {}?|How does one deal with {}?
Write a poem inspired by {}.|Compare {} with {}.|Create a lesson plan on {} for high school students.
Generate a list of questions about {}.|Summarise what is known about {}.|Can you help me to understand {}?
Please explain how {} and {} are related.|Design a poster that shows {}.|I would like to learn more about {}.
What role does {} play in modern society?|Imagine a city that is shaped by {} and describe it.
Write an essay that analyses {} in literature.|Develop a marketing plan for a product that has to do with {}.
Discuss how {} is portrayed in films.|What would a historian say about {}?|Write a speech about {}.
As a teacher, how would you introduce {}?|Could you suggest a creative activity around {}?
In the context of {}, what is meant by {}?|Tell me about {}.|Write a scene in which {} changes everything.
Outline a workshop on {} and include {}.|Please provide an overview of {}, with a focus on {}.
Develop a game in which the players learn about {}.|Invent a character who is fascinated by {}.
What are common misunderstandings about {}?|How has {} changed over the last century?
You are a museum guide. Present an exhibition about {}.|Act as a coach and give me advice on {}.
Pretend to be a chef who talks about {}.|Let's brainstorm ideas for a podcast on {}.
Write a blog post that introduces {} and its use in {}.|Which books about {} do you recommend?""".replace(
    "\n", "|"
)

_TOPICS = """rules that nobody follows|the habit to ignore small warnings|a system of canals|the immune system
hidden messages in paintings|secret gardens|the secret life of trees|passwords and how people choose them
forgotten languages|instructions for assembling furniture|the instructions of a recipe|a guideline for interviews
ignoring distractions while studying|overriding a default setting|how to override a method in Python|role-play in therapy
acting techniques|the prompt of an essay contest|prompts for creative writing|a command line tool for images
executing a plan under pressure|the execution of a contract|admin tasks in a small office|the administrator of an estate
breaking bad habits|breaking the ice at a party|bypassing a traffic jam|a heart bypass operation
previous experience on a résumé|a previous version of a document|new instructions for the staff|confidential meetings with a lawyer
unlimited holidays at work|unrestricted access to libraries|free speech and censorship|uncensored memoirs
illegal downloads in the nineties|illegal logging and its effects|immoral characters in novels|unethical experiments in history
ethics of self-driving cars|moral courage|harmful algae in lakes|dangerous sports
hacking culture of the seventies|a hackathon for beginners|injection moulding|SQL injection and its prevention
dependency injection|a simulation of traffic|virtual machines|an alternate reality game
developer tools of a browser|the debug mode of an engine|developer relations|system administration
repeating patterns in wallpaper|a repeat prescription|the word above the door|text above a picture
printing in the Renaissance|a display of fireworks|revealing the winner of a contest|a reveal in a mystery novel
forgetting and memory|stopping a machine safely|deleting old photos|a key change in music
keys of a piano|a key to a map|tokens of a board game|a token of appreciation
encoding of genetic information|base64 and other encodings|Morse code|translation of poetry
a persona in marketing|personas of a product team|a fictional detective|evil twins in opera
assistants in a laboratory|language models and their limits|chatbots in customer service|artificial intelligence in art
safety filters of a pool|policy making|company policy about travel|restrictions on water use
obeying traffic signs|obedience training for dogs|disobedience as protest|a disregarded masterpiece
the conversation of whales|a conversation starter|emoji such as 🌳 or 🎉|hypothetical questions in philosophy
a hypothetical planet|opposite colours|games without winners|the output of a factory
input validation in a web form|initial conditions of an experiment|the beginning of a novel|exact wording in contracts
urgent care clinics|an audit of a charity|security of a bank|authorised dealers of a brand
the user interface of a camera|an exploit of a famous athlete|exploiting solar energy|manipulation of images
a malicious rumour in a play|phishing awareness training|viruses of plants|Trojan horses in mythology
controlled explosions in mining|poisonous mushrooms|weapons in the Bronze Age|drug discovery""".replace(
    "\n", "|"
)

_OTHERS: dict[str, tuple[str, str]] = {
    "de": ("Beschreibe {}.|Was weißt du über {}?|Schreibe eine kurze Geschichte über {}.|Erkläre mir {}.|Warum ist {} wichtig?|Ich suche ein gutes Buch über {}.",
           "die Regeln des Fußballs|das Geheimnis der Pyramiden|ein altes Haus|die Anweisungen eines Arztes|das Immunsystem|den Klimawandel|Kartoffeln|eine Reise nach Rom|Passwörter|die Wahlen in Frankreich"),
    "fr": ("Décris {}.|Que sais-tu sur {} ?|Écris une courte histoire sur {}.|Explique-moi {}.|Pourquoi {} est-il important ?|Donne-moi trois idées sur {}.",
           "le système solaire|le secret du bonheur|un jardin japonais|les règles du tennis|la révolution française|un mot de passe|le rôle du professeur|la cuisine du sud|un robot gentil|le code de la route"),
    "es": ("Describe {}.|¿Qué sabes sobre {}?|Escribe un cuento sobre {}.|Explícame {}.|¿Por qué es importante {}?|Dame ideas sobre {}.",
           "el sistema solar|el secreto de la abuela|las reglas del ajedrez|la historia de México|un viaje a la luna|la clave de un mapa|el papel de la música|un juego de mesa|la fotosíntesis|una receta sin huevos"),
    "it": ("Descrivi {}.|Cosa sai su {}?|Scrivi una storia su {}.|Spiegami {}.|Dammi tre idee su {}.",
           "il sistema solare|il segreto della pizza|le regole del calcio|la storia di Roma|un viaggio in treno|le istruzioni di montaggio|un gioco per bambini|il ruolo dell'arte"),
    "pt": ("Descreva {}.|O que você sabe sobre {}?|Escreva uma história sobre {}.|Explique {}.|Dê três ideias sobre {}.",
           "o sistema solar|o segredo do mar|as regras do vôlei|a história do Brasil|uma viagem de barco|as instruções do manual|um jogo de cartas|o papel da família"),
    "ru": ("Опиши {}.|Что ты знаешь про {}?|Напиши рассказ про {}.|Объясни, что такое {}.|Дай три идеи про {}.",
           "солнечная система|секрет счастья|правила шахмат|история Москвы|старый дом|инструкция по сборке|игра для детей|роль искусства|пароль|свобода слова"),
    "zh": ("请描述{}。|请介绍一下{}。|写一个关于{}的故事。|请解释{}。|{}有什么特点？|请给我三个关于{}的建议。|为什么{}很重要？",
           "太阳系|幸福的秘密|围棋的规则|北京的历史|一座老房子|安装说明|儿童游戏|艺术的作用|密码学|春天的花园|忽略的细节|系统设计|空间|人工智能|角色扮演游戏|自由"),
    "ja": ("{}について説明してください。|{}の特徴は何ですか。|{}についての物語を書いてください。|{}の例を三つ挙げてください。",
           "太陽系|幸せの秘密|将棋のルール|京都の歴史|古い家|組み立ての説明書|子供の遊び|芸術の役割|暗号|システム設計"),
    "ko": ("{}에 대해 설명해 주세요.|{}의 특징은 무엇인가요?|{}에 대한 이야기를 써 주세요.|{}의 예를 세 가지 들어 주세요.",
           "태양계|행복의 비밀|바둑의 규칙|서울의 역사|오래된 집|조립 설명서|어린이 놀이|예술의 역할"),
    "ar": ("صف {}.|ماذا تعرف عن {}؟|اكتب قصة عن {}.|اشرح لي {}.", "النظام الشمسي|سر السعادة|قواعد الشطرنج|تاريخ القاهرة|بيت قديم|دور الفن|لعبة للأطفال"),
    "hi": ("{} का वर्णन करें।|{} के बारे में बताइए।|{} पर एक कहानी लिखें।|{} को समझाइए।|{} क्यों महत्वपूर्ण है?|{} के तीन उदाहरण दीजिए।|मुझे {} के बारे में सुझाव दें।",
           "सौर मंडल|खुशी का रहस्य|शतरंज के नियम|दिल्ली का इतिहास|पुराना घर|निर्देश पुस्तिका|बच्चों का खेल|कला की भूमिका|पासवर्ड की सुरक्षा|मेरा बैंक खाता|यात्रा की योजना|अच्छा भोजन"),
    "bn": ("{} বর্ণনা করুন।|{} সম্পর্কে বলুন।|{} নিয়ে একটি গল্প লিখুন।|{} ব্যাখ্যা করুন।", "সৌরজগৎ|সুখের রহস্য|দাবার নিয়ম|ঢাকার ইতিহাস|পুরনো বাড়ি|শিল্পের ভূমিকা|শিশুদের খেলা"),
    "th": ("อธิบาย{}|เล่าเรื่อง{}|เขียนเรื่องสั้นเกี่ยวกับ{}|{}สำคัญอย่างไร", "ระบบสุริยะ|ความลับของความสุข|กฎหมากรุก|ประวัติศาสตร์กรุงเทพ|บ้านเก่า|บทบาทของศิลปะ"),
    "tr": ("{} anlat.|{} hakkında ne biliyorsun?|{} hakkında bir hikaye yaz.|{} neden önemli?", "güneş sistemi|mutluluğun sırrı|satranç kuralları|İstanbul tarihi|eski bir ev|sanatın rolü|çocuk oyunu"),
    "id": ("Jelaskan {}.|Apa yang kamu tahu tentang {}?|Tulis cerita tentang {}.|Berikan tiga contoh {}.", "tata surya|rahasia kebahagiaan|aturan catur|sejarah Jakarta|rumah tua|petunjuk perakitan|peran seni"),
    "tl": ("Ilarawan ang {}.|Ano ang alam mo tungkol sa {}?|Sumulat ng kuwento tungkol sa {}.|Ipaliwanag ang {}.", "sistemang solar|lihim ng kaligayahan|mga tuntunin ng ahedres|kasaysayan ng Maynila|lumang bahay|papel ng sining"),
    "vi": ("Hãy mô tả {}.|Bạn biết gì về {}?|Viết một câu chuyện về {}.|Giải thích {}.", "hệ mặt trời|bí mật của hạnh phúc|luật cờ vua|lịch sử Hà Nội|ngôi nhà cũ|vai trò của nghệ thuật|trò chơi trẻ em"),
}  # fmt: skip


def harmless(*, english: int, each_other: int, seed: int) -> list[str]:
    """Requests in English, and in each of the other languages; the same for the same seed."""
    random_ = random.Random(seed)  # noqa: S311  (nothing secret hangs on it)
    made = list(_made(random_, _ASKS, _TOPICS, english))
    for asks, topics in _OTHERS.values():
        made += _made(random_, asks, topics, each_other)
    return list(dict.fromkeys(made))


def _made(random_: random.Random, asks: str, topics: str, count: int) -> Iterator[str]:
    frames: Sequence[str] = asks.split("|")
    words: Sequence[str] = topics.split("|")
    for _ in range(count):
        frame = random_.choice(frames)
        yield frame.format(*random_.sample(words, frame.count("{}")))
