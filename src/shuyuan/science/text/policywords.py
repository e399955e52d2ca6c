# ruff: noqa: E501  (a pattern stands on one line)
"""The word lists of the education policy: patterns for folded text, by category and by whom they are kept from.

Patterns name an act towards a person or a wish for a thing, not a topic: `kill him`, never `kill` alone, so that
history, biology and computing stay free to speak. Levels: 3 nobody (help with grave harm), 2 nobody under 18,
1 nobody under 13.
"""

from collections.abc import Mapping
from typing import Literal

Category = Literal["self_harm", "violence", "sexual", "hate", "bullying", "drugs", "weapons", "personal_data"]
CATEGORIES: tuple[Category, ...] = (
    "self_harm", "violence", "sexual", "hate", "bullying", "drugs", "weapons", "personal_data",
)  # fmt: skip
Level = Literal[1, 2, 3]

_WANT_EN = r"(?:how (?:do|can|could|would|should) (?:i|you|we|one|someone)|how to|(?:tell|show|teach) me how to|(?:give me )?(?:steps|instructions|a recipe|recipe|guide) (?:to|for)|(?:best|easiest|quickest|painless) ways? to|help me(?: to)?|where (?:can|do) i)"
_WANT_ZH = "(?:怎么|怎样|如何|教我|告诉我|帮我|哪里|哪儿|步骤|方法|教程|配方|我[想要])"
_HOW_ZH = "(?:怎么|怎样|如何|教我|告诉我|帮我|步骤|方法|教程|配方)"
_NOT_TO_HELP_EN = r"(?:(?!\b(?:(?:help|support|reach|stop|talk to) (?:an?|the|my|our|his|her|him|them|those|people|some\w+|students?|pupils?|friends?)|prevent)\b).)"
_NOT_TO_HELP_ZH = "(?:(?!帮助|帮一|劝|预防|防止|阻止|识别|发现|干预|应对|关心|安慰|面对).)"
_PERSON_EN = r"(?:you|him|her|them|myself|everyone|everybody|someone|somebody|people|my (?:\w+ )?(?:teacher|classmate|class|mother|mom|mum|father|dad|parents|brother|sister|friend|boss|neighbou?r)s?|(?:that|this|the) (?:boy|girl|guy|kid|teacher|classmate)s?)"
_PERSON_ZH = "(?:你|他|她|他们|她们|老师|同学|同桌|班主任|爸爸?|妈妈?|父母|室友|那个人|这个人|全班|所有人|某人)"
_MINOR_EN = r"(?:child(?:ren)?|kids?|minors?|underage|pre-?teens?|schoolgirls?|schoolboys?|little (?:girl|boy)s?|(?:[5-9]|1[0-7])[ -]year[ -]olds?)"
_MINOR_ZH = "(?:儿童|幼女|小女孩|小男孩|未成年|小学生|初中生|女童|男童)"

WORDS: Mapping[tuple[Category, Level], tuple[str, ...]] = {
    ("self_harm", 3): (
        rf"\b{_WANT_EN}\b{_NOT_TO_HELP_EN}{{0,30}}\b(?:kill myself|commit suicide|end my life(?! (?:story|insurance))|hang myself|overdose|cut (?:my )?(?:wrists?|veins?))\b",
        r"\b(?:painless|easiest|quickest|best) (?:way|method)s? (?:to|of) (?:die|dying|suicide|kill myself)\b",
        f"(?:{_HOW_ZH}|哪里|哪儿){_NOT_TO_HELP_ZH}{{0,8}}(?:自杀(?!式|率|预防|干预|防|炸弹|性|细胞|基因|倾向|念头|预警|信号|征兆|问题|的(?:原因|人|学生|孩子|同学|朋友|信号|征兆|预警))|割腕|上吊|结束(?:自己的?)?生命)(?:最|不痛|无痛|才|能|的方法)?(?!.{0,6}(?:预防|干预|劝|帮助他|帮助她))",
        "(?:无痛|最快|不痛苦).{0,4}(?:自杀|死法|死去)(?:的)?(?:方法)?",
        "(?:自杀|割腕|上吊)的?(?:方法|步骤|教程)(?!.{0,10}(?:预防|干预|限制|管控|研究))",
    ),
    ("self_harm", 2): (
        r"\bi(?:'ll| will|'m going to| am going to| want to| wanna|'m gonna) (?:\w+ )?(?:kill|stab|shoot|hurt) myself\b(?!.{0,12}\b(?:laughing|playing|fall|fell|skating|in (?:pe|gym|soccer))\b)",
        r"\b(?:you should|go|just|why don'?t you) (?:and )?(?:kill|hang|cut) yourself\b|\bkys\b|\b(?:kill|hang) yourself\b(?! (?:over|trying|with work|laughing))",
        "我(?:真|好|就|还|只)?(?:想|要|会|打算|准备)(?:要|去)?(?:自杀|割腕|上吊|结束(?:我?自己的?)?生命)",
        "你(?:怎么不|应该|快|还不)?去(?:死|自杀)|(?:快|赶紧)去(?:死|自杀)|一起(?:自杀|去死)",
        r"\b(?:suicide pact|pro[- ]?ana|thinspo)\b|(?:想|要|去|怎么|xiang|yao|qu|zenme) *zi ?sha\b",
        r"\b(?:starve myself|stop eating completely)\b|绝食减肥|催吐减肥",
    ),
    ("violence", 3): (
        rf"\b{_WANT_EN}\b.{{0,20}}\b(?:kill|murder|poison|strangle|stab|shoot) {_PERSON_EN}\b(?!.{{0,20}}\b(?:with kindness|in (?:the )?(?:game|story|novel|play))\b)",
        rf"\b{_WANT_EN}\b.{{0,20}}\b(?:shoot up|attack|bomb|burn down|blow up) (?:a|the|my|our) (?:school|class|classroom|church|mosque|crowd)\b",
        f"{_HOW_ZH}.{{0,6}}(?:杀死?|毒死|捅死|掐死|弄死|干掉){_PERSON_ZH}(?!.{{0,6}}(?:游戏|小说|角色|里的))|怎么(?:投毒|下毒)(?!.{{0,4}}(?:的)?(?:案|故事))",
        "(?:炸|烧)(?:掉|毁|了)?(?:学校|教室|教学楼|我们班)(?!.{0,4}(?:纪念|历史|的(?:日军|敌)))",
    ),
    ("violence", 2): (
        rf"\bi(?:'ll| will|'m going to| am going to| want to| wanna|'m gonna) (?:\w+ )?(?:kill|murder|stab|strangle|shoot|beat up|hurt) (?!myself\b){_PERSON_EN}\b(?! (?:with kindness|feelings))",
        f"(?:我要?|我想|我会|老子)(?:去)?(?:杀了|杀死|弄死|打死|砍死|捅死|捅了|揍死){_PERSON_ZH}",
    ),
    ("violence", 1): (
        r"\b(?:behead(?:ed|ing)?|decapitat\w+|dismember\w*|disembowel\w*|gor[ey] (?:video|photo|picture|scene)s?|tortur(?:e|ing) (?:someone|people|animals?|a (?:cat|dog)))\b",
        "肢解|碎尸|虐杀|开膛破肚|血腥(?:视频|图片|画面)|(?<!要)(?<!止)(?<!对)(?<!能)(?<!该)虐(?:猫|狗|待动物)(?!.{0,8}(?:违法|不对|错|可耻|反对|保护))",
    ),
    ("sexual", 3): (
        rf"\b(?:sexual?|nudes?|naked|porn\w*|erotic|explicit)\b.{{0,25}}\b{_MINOR_EN}\b(?!.{{0,30}}\b(?:protect|prevent|law|report|education|safety|abuse)\w*)",
        rf"\b{_MINOR_EN}\b.{{0,25}}\b(?:porn\w*|nudes?|naked (?:photo|picture)s?|erotic\w*|having sex)\b(?!.{{0,30}}\b(?:protect|prevent|law|report|illegal|crime)\w*)|\bchild porn\w*\b(?! (?:is|law|offen[cs]e))",
        f"{_MINOR_ZH}.{{0,6}}(?:色情|裸照|裸体|性爱|黄片)(?!.{{0,8}}(?:违法|犯罪|举报|保护|打击|危害))|(?:色情|性爱|裸照).{{0,6}}{_MINOR_ZH}(?!.{{0,8}}(?:违法|犯罪|保护|危害|远离))",
    ),
    ("sexual", 2): (
        r"\b(?:porn(?:o|hub|ography)?|hentai|xxx videos?|nude (?:photo|pic|picture|selfie)s?|send (?:me )?nudes?|sexting|blow ?job|hand ?job|orgasm(?:s|ed)?|masturbat\w+|horny|strip(?:per| club))\b(?!.{0,25}\b(?:addiction|harm|illegal|law|ban)\w*)",
        r"\b(?:write|tell|give|describe)\b.{0,25}\b(?:erotic|sexy|sex|smut|dirty)\b.{0,12}\b(?:story|scene|stories|fanfic\w*)\b|\b(?:have|having|had) sex with (?:me|you|him|her|my)\b",
        "(?:看|下载|找|发|求|有没有).{0,4}(?:黄片|色情|av片|a片|裸照|黄网)|黄色(?:小说|视频|网站|图片)|色情(?:小说|视频|网站|片|图片)(?!.{0,8}(?:危害|违法|举报|远离|拒绝|打击))|(?<![叉路出入窗门])口交(?![通叉汇接易换货流谈往代班])|做爱|约炮|一夜情|自慰|手淫|发骚|裸聊(?!.{0,6}(?:诈骗|骗局|敲诈|陷阱))",
    ),
    ("sexual", 1): (
        r"\b(?:sexy (?:girl|boy|woman|man|photo|picture|video)s?|hot (?:girls|boys) (?:naked|nude)|hook ?up with|condoms?|erection)\b",
        "(?:性感|裸体)(?:美女|女孩|照片|图片|视频)|避孕套|勃起|上床吧|脱(?:光|掉)衣服给",
    ),
    ("hate", 2): (
        r"\bni+gg(?:er|a)s?\b|\bchinks?\b(?! in)|\bfagg?ots?\b(?! gait)|\bkikes?\b|\bgooks?\b|\btrann(?:y|ies)\b|\bretards?\b",
        r"\b(?:all|those|these) (?:\w+ )?(?:blacks?|jews?|muslims?|asians?|chinese|gays?|immigrants?|women|disabled people)\b.{0,15}\b(?:should (?:die|be killed|be exterminated)|are (?:animals|vermin|subhuman|inferior|disgusting|stupid))\b",
        "(?:黑人|犹太人|穆斯林|残疾人|同性恋|女人|农村人|外地人|日本人|印度人|河南人)(?:都|就)?(?:是)?(?:该死|去死|低等|垃圾|畜生|贱|恶心|都是小偷|不配)|黑鬼|尼哥|死残废|死(?:基佬|同性恋)|支那猪",
    ),
    ("bullying", 2): (
        r"\b(?:you(?:'re| are)? (?:all )?(?:a )?(?:worthless|pathetic (?:loser|piece)|piece of (?:shit|crap)|fucking (?:idiot|loser|stupid)|ugly (?:bitch|pig|cow))|fuck you|fuck off|nobody (?:likes|loves) you|everyone hates you)\b",
        rf"\b{_WANT_EN}\b.{{0,20}}\b(?:bully|humiliate|blackmail|dox|spread rumou?rs about) {_PERSON_EN}\b|\b(?:let'?s|we should) (?:all )?(?:bully|gang up on|exclude|isolate) (?:him|her|them)\b",
        "傻逼|沙比|煞笔|操你妈|草泥马你|cao ?ni ?ma|sha ?bi\\b|你妈死了|贱人|婊子|去你妈|(?:没人|谁都不)(?:会)?喜欢你|你(?:就是|真是|是)(?:个)?(?:废物|垃圾|贱货|死肥猪|丑八怪|脑残)",
        f"{_WANT_ZH}.{{0,6}}(?:孤立|欺负|整(?:一下|死)?|霸凌|造谣|羞辱){_PERSON_ZH}|(?:我们|大家)(?:一起|都)?(?:孤立|欺负|别理)(?:他|她)",
    ),
    ("bullying", 1): (
        r"\b(?:shut up,? (?:you )?(?:idiot|stupid|loser|dummy)|you(?:'re| are) (?:so |such )?(?:an? )?(?:stupid|idiot|moron|dumb|loser|ugly|fat pig))\b",
        "你(?:真|好|太|这么|个|是)?(?:蠢|笨死|白痴|弱智|智障|傻子|猪头|丑死)|(?:大|死)(?:笨蛋|胖子|肥猪)|滚开|神经病啊",
    ),
    ("drugs", 3): (
        rf"\b{_WANT_EN}\b.{{0,25}}\b(?:cook|make|synthesi[sz]e|manufacture|produce)\b.{{0,15}}\b(?:meth(?:amphetamine)?|crystal meth|heroin|cocaine|crack|fentanyl|lsd|mdma|ecstasy|ghb)\b",
        f"{_WANT_ZH}.{{0,6}}(?:制造?|合成|提炼|做|制作)(?:冰毒|毒品|海洛因|摇头丸|k粉|麻古|甲基苯丙胺)",
    ),
    ("drugs", 2): (
        rf"\b{_WANT_EN}\b.{{0,25}}\b(?:buy|get|score|find|sell|smoke|snort|inject|hide)\b.{{0,15}}\b(?:weed|marijuana|cannabis|meth|heroin|cocaine|coke powder|crack|fentanyl|lsd|mdma|ecstasy|ketamine|xanax|adderall|vapes?|laughing gas|drugs)\b(?! (?:store|test|bust|education))",
        r"\b(?:let'?s|i want to|wanna) (?:get high|smoke weed|do drugs|try (?:weed|cocaine|meth|heroin|ecstasy))\b",
        f"{_WANT_ZH}.{{0,6}}(?:买到?|弄到?|搞到?|吸|抽|试试|卖|藏)(?:点|一点)?(?:冰毒|毒品|大麻|海洛因|摇头丸|k粉|笑气|上头电子烟|白粉)|一起(?:吸毒|嗑药|溜冰毒)",
    ),
    ("drugs", 1): (
        rf"\b{_WANT_EN}\b.{{0,20}}\b(?:buy|get|drink|smoke)\b.{{0,12}}\b(?:beer|vodka|whisk[e]?y|alcohol|cigarettes?|e-?cigs?)\b",
        f"{_WANT_ZH}.{{0,6}}(?:买|喝|抽)(?:点|到)?(?:白酒|啤酒|香烟|电子烟|烟)(?!花|台)",
    ),
    ("weapons", 3): (
        rf"\b{_WANT_EN}\b.{{0,25}}\b(?:make|build|assemble|construct|3d[- ]?print|create)\b(?! (?:an? )?(?:paper|toy|cardboard|lego|water|nerf|model|snow|bath)\b).{{0,20}}\b(?:(?:pipe |nail |petrol |homemade |car )?bombs?(?! calorimeter)|explosives?|molotov(?: cocktail)?s?|grenades?|napalm|tatp|nerve (?:gas|agent)|sarin|ricin|(?:ghost |working |real )?(?:gun|pistol|rifle)s?|silencers?)\b(?!.{{0,20}}\b(?:game|lego|paper|toy|cardboard|minecraft|story)\b)",
        f"{_WANT_ZH}.{{0,6}}(?:制作|自制|做|造|制造|组装|配制?)(?:一个|个|一把|把|土)?(?:炸弹|土炸弹|炸药|枪支?|手枪|步枪|燃烧瓶|雷管|毒气|沙林|火枪)(?!模型|玩具|.{{0,6}}(?:游戏|历史|纸|发明))",
    ),
    ("weapons", 2): (
        rf"\b{_WANT_EN}\b.{{0,25}}\b(?:buy|get|smuggle|bring|hide|sneak)\b.{{0,15}}\b(?:a )?(?:gun|pistol|rifle|knife|knives|weapons?|ammo|ammunition|explosives?)s?\b(?:.{{0,15}}\b(?:to|into|in|at) (?:school|class)\b|.{{0,12}}\bwithout\b|\W*$)",
        f"{_WANT_ZH}.{{0,6}}(?:买到?|弄到?|搞到?)(?:一把|把)?(?:枪支?|手枪|管制刀具|炸药|弩)(?!玩具)|带(?:一把)?(?:刀|枪)(?:去|到|进)(?:学校|教室)(?!.{{0,6}}(?:不|禁止|违反|危险))",
    ),
    ("personal_data", 2): (
        rf"\b{_WANT_EN}\b.{{0,20}}\b(?:find|get|hack|steal|track)\b.{{0,20}}\b(?:(?:her|his|their|someone(?:'s)?|my \w+(?:'s)) (?:home )?(?:address|password|account|location|phone(?: number)?|id number))\b",
        "(?:怎么|如何|教我|帮我).{0,6}(?:查|盗|偷|黑|人肉|定位|破解)(?:到|出|取)?(?:他|她|别人|同学|老师|某人)(?:们)?的?.{0,6}(?:密码|账号|住址|地址|身份证|手机|定位|qq|微信)|人肉搜索(?:一下)?(?:他|她|这个人)",
    ),
    ("personal_data", 1): (
        r"\bmy (?:home )?(?:address|phone(?: number)?|password|id(?: card)? number) is\b|\b(?:i live at|call me (?:at|on)) \+?\d",
        "我(?:家)?(?:的)?(?:住址|地址|家住|电话|手机号?|密码|身份证号?|微信号?|qq号?)(?:是|：|:)|我家(?:就)?住在.{0,20}(?:号|室|单元|栋)",
        r"(?<!\d)(?:[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dx])(?!\d)",
    ),
}  # fmt: skip

HARM_SIGNS: tuple[str, ...] = (
    "不想活|(?:我|好|真的?|就是?|只|不如)(?:想|要)死(?!你|他|她|我|妈|爸|奶奶|爷爷|了你|记|磕|守|背|嗑|宅)|我(?:要|想|会|真想|打算|准备|好想)(?:去)?自杀|(?:我|想|要|在|又|偷偷)(?:想|要)?(?:自残|割腕|轻生|划手臂|割自己)",
    "活着(?:真)?没(?:有)?(?:意思|意义)|(?:想|要)?伤害(?:我)?自己(?!的(?:利益|健康|眼睛|感情))|(?:我|想|要).{0,4}结束(?:自己的)?生命|没有我(?:你们|大家|世界)?会?更好|遗书.{0,4}写好|我(?:撑|活)不下去了",
    "(?:爸|妈|父|母|叔|老师|同学|哥|他|她|他们|继父|教练).{0,6}(?:虐待|猥亵|性侵|骚扰|毒打|总打|老打|经常打|天天打|欺负|霸凌)(?:了|过)?我|我(?:总|老|经常|天天|一直)?被(?:人|同学|爸|妈|老师|他|她|他们|父|母|叔叔?|继父|教练|爸爸|妈妈).{0,4}(?:打(?!败|断|动|扰|了预防针)|虐待|欺负|霸凌|骚扰|猥亵|性侵|强奸)",
    "(?:他|她|叔叔|老师|爸爸|继父|教练)(?:总|老|经常|偷偷)?(?:摸|碰)我(?:的)?(?:下面|私处|隐私|胸|身体|屁股)|(?:wo )?(?:xiang|yao) *zi ?sha\\b|我.{0,3}zi ?sha\\b",
    r"\b(?:i|i'll|i'm|im)\b.{0,25}\b(?:kill(?:ing)? myself|end(?:ing)? (?:my (?:own )?life(?! (?:story|insurance))|it all)|hurt(?:ing)? myself(?: on purpose| again)?(?!.{0,12}\b(?:playing|fall|fell|skating|in (?:pe|gym|soccer))\b)|cut(?:ting)? myself(?!.{0,15}\b(?:paper|knife|cooking|shaving|glass|accident\w*|by accident|some slack)\b)|commit(?:ting)? suicide|self[- ]?harm(?:ing)?)\b",
    r"\bi (?:really |just |don't )?(?:want to|wanna|wish i (?:could|would)) die\b(?!.{0,12}\b(?:laughing|of (?:embarrassment|boredom)|in (?:the )?game)\b)|\bi (?:feel |am |'m )?suicidal\b|\bi'm better off dead\b|\bno reason (?:for me )?to live\b|\bi don'?t want to (?:live|be alive|exist)(?: any ?more)?\b(?! (?:in|with|at|near|on|alone|here|there|my|like|without|by|under|next|abroad))",
    r"\b(?:he|she|they|my (?:\w+ ?){1,2}|someone|a (?:man|boy|girl|classmate)s?)\b.{0,12}\b(?:hits|beats(?! me (?:at|in|to) (?:chess|go|cards|ping|table|tennis|badminton|football|basketball|maths?|running|games?|every)\b)|abuses|touches|molests|bullies|bullied|raped|rapes|molested|abused|threatens to (?:kill|hurt)|keeps? (?:hitting|touching|bullying|hurting))(?: up)? me\b|\bi (?:am|'m|was|get|got|keep getting|have been|'ve been) (?:being )?(?:bullied|abused|molested|raped|beaten(?: up)?)\b(?! (?:at|in) (?:chess|ping|table|tennis|the (?:game|match|final)))",
    "(?:爸爸?|妈妈?|父亲|母亲|爷爷|奶奶|叔叔?|舅舅?|老师|同学|哥哥?|姐姐?|继父|继母|教练|家里人|有人|别人|他们?|她们?).{0,3}(?:打|虐待|骚扰|猥亵|欺负|霸凌)(?:了|过)?我(?!的?(?:电话|手机|小报告|主意)|们?[0-9一二三四五六七八九十]|的?分)",
    "我.{0,4}被(?:人|同学)?(?:打(?:了|过|得|伤)(?!预防|疫苗|针|招呼|电话|折|分|叉|勾|岔)|虐待|欺负|霸凌|骚扰|猥亵|性侵|强奸)|(?:让我|我就?)去死(?!记|背|党|磕)",
    r"\b(?:think(?:ing)?|thoughts?) (?:about|of) (?:suicide|killing myself|dying)\b|\bsuicide is on my mind\b|\b(?:killing|cutting|hurting) myself\b(?!.{0,15}\b(?:laughing|paper|knife|cooking|shaving|glass|accident\w*|playing|fall|fell|skating|some slack|in (?:pe|gym|soccer))\b)",
    r"\b(?:every(?:one|body)|nobody else|they all|my (?:\w+ )?\w+|he|she|they) (?:\w+ )?(?:bull(?:y|ies)|hurts?|hits?|abuses?) me\b(?! (?:up|with (?:a|the) (?:question|ball)|at|in (?:chess|the))\b)",
)  # fmt: skip

_TELLS_EN = r"(?:wrote|writes|writing|said|says|saying|told|tells|posted|texted|messaged|thinks|screams|whispers)(?: to)?(?: (?:me|us|her|him|them|(?:my|his|her|their) \w+))?"
_OTHER_EN = r"(?:pupil|student|child|kid|boy|girl|friend|he|she|they|someone|somebody|character|hero|heroine|son|daughter|classmate|colleague|patient|client)s?"
_OTHER_ZH = "(?:学生|孩子|同学|朋友|儿子|女儿|来访者|病人|角色|主人公|他们?|她们?|有人)"

REPORTED: tuple[str, ...] = (  # stands right before words that are somebody else's, or a text to work on
    rf"\b{_OTHER_EN}\b[^.!?\n]{{0,20}}\b{_TELLS_EN}(?: that)?[\s:,\"'“‘「-]*$",
    r"\b(?:translate|summari[sz]e|classify|label|rewrite|proofread|paraphrase|explain|quote)\b(?:(?!\b(?:my|me|i)\b)[^!?]){0,40}[:\"“‘「]\s*[\"“‘'「]?$",
    f"{_OTHER_ZH}[^。!?\n]{{0,12}}(?:说|写|问|告诉|发|表示|提到|留言|喊)(?:道|了|过)?(?:我们?|老师)?[:,\\s\"“‘「『]*(?:他|她|我)?(?:自己)?$",
    "(?:翻译|概括|总结|分类|判断|改写|造句|润色|解释|朗读)[^。!?]{0,20}[:\"“‘「『]\\s*$",
)  # fmt: skip
ABOUT_OTHERS = f"{_OTHER_ZH}(?:他|她)?(?:自己|真的|总|一直|也)?$"  # right before a sign that does not say `I`
