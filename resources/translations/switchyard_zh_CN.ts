<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>AnatomyText</name>
    <message>
        <source>Embeddings</source>
        <translation>词嵌入</translation>
    </message>
    <message>
        <source>Attention</source>
        <translation>注意力</translation>
    </message>
    <message>
        <source>Dense layers</source>
        <translation>稠密层</translation>
    </message>
    <message>
        <source>Shared experts</source>
        <translation>共享专家</translation>
    </message>
    <message>
        <source>Routed experts</source>
        <translation>路由专家</translation>
    </message>
    <message>
        <source>Routers</source>
        <translation>路由器</translation>
    </message>
    <message>
        <source>Norms</source>
        <translation>归一化</translation>
    </message>
    <message>
        <source>Output</source>
        <translation>输出层</translation>
    </message>
    <message>
        <source>none: a dense model</source>
        <translation>无：稠密模型</translation>
    </message>
    <message>
        <source>%1 of %2 a token</source>
        <translation>每词元选 %2 个中的 %1 个</translation>
    </message>
    <message>
        <source>from the best %1 of %2 groups</source>
        <translation>取自 %2 组中最好的 %1 组</translation>
    </message>
    <message>
        <source>%1 shared</source>
        <translation>共享 %1 个</translation>
    </message>
    <message>
        <source>sigmoid gate</source>
        <translation>sigmoid 门控</translation>
    </message>
    <message>
        <source>softmax gate</source>
        <translation>softmax 门控</translation>
    </message>
    <message>
        <source>normalised</source>
        <translation>归一化权重</translation>
    </message>
    <message>
        <source>%1 layers of %2</source>
        <translation>%1 层，宽 %2</translation>
    </message>
    <message>
        <source>%1 heads of %2</source>
        <translation>%1 个头，宽 %2</translation>
    </message>
    <message>
        <source>latent of %1 + %2</source>
        <translation>潜向量 %1 + %2</translation>
    </message>
    <message>
        <source>%1 KV heads</source>
        <translation>%1 个 KV 头</translation>
    </message>
    <message>
        <source>vocabulary %1</source>
        <translation>词表 %1</translation>
    </message>
    <message>
        <source>%1 TFLOP</source>
        <translation>%1 TFLOP</translation>
    </message>
    <message>
        <source>%1 GFLOP</source>
        <translation>%1 GFLOP</translation>
    </message>
    <message>
        <source>%1 MFLOP</source>
        <translation>%1 MFLOP</translation>
    </message>
</context>
<context>
    <name>ChatGroupTexts</name>
    <message>
        <source>Today</source>
        <translation>今天</translation>
    </message>
    <message>
        <source>Yesterday</source>
        <translation>昨天</translation>
    </message>
    <message>
        <source>Last 7 days</source>
        <translation>最近 7 天</translation>
    </message>
    <message>
        <source>Last 30 days</source>
        <translation>最近 30 天</translation>
    </message>
    <message>
        <source>MMMM</source>
        <translation>M月</translation>
    </message>
    <message>
        <source>MMMM yyyy</source>
        <translation>yyyy年M月</translation>
    </message>
    <message>
        <source>Pinned</source>
        <translation>已置顶</translation>
    </message>
    <message numerus="yes">
        <source>%n found</source>
        <translation>
            <numerusform>找到 %n 条</numerusform>
        </translation>
    </message>
    <message>
        <source>Nothing found</source>
        <translation>没有找到</translation>
    </message>
</context>
<context>
    <name>ChatModelOfferTexts</name>
    <message>
        <source>This chat was answered by %1, whose file is not on this machine any more.</source>
        <translation>这个对话由 %1 回答，它的文件已不在这台电脑上。</translation>
    </message>
    <message>
        <source>This chat was answered by %1; %2 is in use now.</source>
        <translation>这个对话由 %1 回答，现在使用的是 %2。</translation>
    </message>
    <message>
        <source>This chat was answered by %1.</source>
        <translation>这个对话由 %1 回答。</translation>
    </message>
    <message>
        <source>Load %1</source>
        <translation>加载 %1</translation>
    </message>
</context>
<context>
    <name>ChatTransfer</name>
    <message>
        <source>it cannot be read (%1)</source>
        <translation>读不出来（%1）</translation>
    </message>
    <message>
        <source>no file</source>
        <translation>不是文件</translation>
    </message>
    <message>
        <source>Imported from %1</source>
        <translation>从 %1 导入</translation>
    </message>
    <message>
        <source>a newer version of this program wrote it: install that to read it</source>
        <translation>它由本程序的较新版本写成：安装新版本才能读取</translation>
    </message>
    <message>
        <source>there is no JSON file in it</source>
        <translation>其中没有 JSON 文件</translation>
    </message>
    <message>
        <source>it holds no chats as Switchyard, ChatGPT, Open WebUI and LM Studio export them</source>
        <translation>其中没有 Switchyard、ChatGPT、Open WebUI 或 LM Studio 导出的对话</translation>
    </message>
    <message>
        <source>%1 was not read to its end: %2.</source>
        <translation>%1 没有读完：%2。</translation>
    </message>
    <message>
        <source>%1 cannot be imported: %2.</source>
        <translation>无法导入 %1：%2。</translation>
    </message>
    <message>
        <source>there is not enough memory</source>
        <translation>内存不足</translation>
    </message>
    <message>
        <source>The file cannot be written (%1): make room, or choose another place.</source>
        <translation>无法写入文件（%1）：请腾出空间，或换一个位置。</translation>
    </message>
    <message>
        <source>Imported chat</source>
        <translation>导入的对话</translation>
    </message>
    <message>
        <source>[Picture]</source>
        <translation>[图片]</translation>
    </message>
    <message>
        <source>[Picture: %1]</source>
        <translation>[图片：%1]</translation>
    </message>
    <message>
        <source>[Attachment]</source>
        <translation>[附件]</translation>
    </message>
    <message>
        <source>[Attachment: %1]</source>
        <translation>[附件：%1]</translation>
    </message>
    <message>
        <source>[Not taken over: %1]</source>
        <translation>[未导入：%1]</translation>
    </message>
    <message>
        <source>a chat in it is too large</source>
        <translation>其中一个对话太大</translation>
    </message>
    <message>
        <source>it is larger than %1 GiB</source>
        <translation>它超过 %1 GiB</translation>
    </message>
    <message>
        <source>a text in it is longer than %1 MiB</source>
        <translation>其中一段文字超过 %1 MiB</translation>
    </message>
    <message>
        <source>it is damaged or not whole: at byte %1 it is not JSON</source>
        <translation>文件已损坏或不完整：第 %1 字节处不是 JSON</translation>
    </message>
    <message>
        <source>it is nested deeper than any file of chats</source>
        <translation>嵌套层数超过任何对话文件</translation>
    </message>
    <message>
        <source>it is damaged</source>
        <translation>文件已损坏</translation>
    </message>
    <message>
        <source>There is more that could not be read.</source>
        <translation>还有其他内容无法读取。</translation>
    </message>
    <message>
        <source>The chat “%1” was left out: %2.</source>
        <translation>对话“%1”未导入：%2。</translation>
    </message>
    <message>
        <source>A chat without a title was left out: %1.</source>
        <translation>一个没有标题的对话未导入：%1。</translation>
    </message>
    <message>
        <source>it has too many messages, or too many versions of long answers</source>
        <translation>消息过多，或长回答的版本过多</translation>
    </message>
    <message>
        <source>[Something that was not taken over]</source>
        <translation>[未导入的内容]</translation>
    </message>
</context>
<context>
    <name>Controls</name>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>How freely the next token is drawn: 0 always takes the likeliest, higher values are more varied.</source>
        <translation>下一个词元抽取的自由程度：0 总是取最可能的，值越高越多样。</translation>
    </message>
    <message>
        <source>Top-p</source>
        <translation>Top-p</translation>
    </message>
    <message>
        <source>Draws from the likeliest tokens whose probabilities together reach this share. 1 turns it off.</source>
        <translation>只从概率之和达到此份额的最可能词元中抽取。1 为关闭。</translation>
    </message>
    <message>
        <source>Top-k</source>
        <translation>Top-k</translation>
    </message>
    <message>
        <source>Draws from this many of the likeliest tokens. 0 turns it off.</source>
        <translation>只从这么多个最可能的词元中抽取。0 为关闭。</translation>
    </message>
    <message>
        <source>tokens</source>
        <translation>词元</translation>
    </message>
    <message>
        <source>Min-p</source>
        <translation>Min-p</translation>
    </message>
    <message>
        <source>Leaves out tokens less likely than this share of the likeliest one. 0 turns it off.</source>
        <translation>舍弃概率低于最可能词元此比例的词元。0 为关闭。</translation>
    </message>
    <message>
        <source>Repetition penalty</source>
        <translation>重复惩罚</translation>
    </message>
    <message>
        <source>Makes tokens that occurred lately less likely. 1 turns it off.</source>
        <translation>降低最近出现过的词元的概率。1 为关闭。</translation>
    </message>
    <message>
        <source>Repetition window</source>
        <translation>重复窗口</translation>
    </message>
    <message>
        <source>How many tokens back the repetition penalty looks.</source>
        <translation>重复惩罚向前查看多少个词元。</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>随机种子</translation>
    </message>
    <message>
        <source>The same seed, prompt and dials give the same answer.</source>
        <translation>相同的种子、提示和旋钮给出相同的回答。</translation>
    </message>
    <message>
        <source>Maximum tokens</source>
        <translation>最大词元数</translation>
    </message>
    <message>
        <source>The answer ends after this many tokens.</source>
        <translation>回答在达到这么多词元后结束。</translation>
    </message>
    <message>
        <source>Active experts</source>
        <translation>活跃专家数</translation>
    </message>
    <message>
        <source>How many routed experts compute each token. Fewer are faster, more are better; 0 takes the model&apos;s own number.</source>
        <translation>每个词元由多少个路由专家计算。越少越快，越多越好；0 取模型自己的数目。</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>Precision of the weights. They are re-encoded in the background while the answer goes on.</source>
        <translation>权重的精度。回答继续进行时在后台重新编码。</translation>
    </message>
    <message>
        <source>KV cache</source>
        <translation>KV 缓存</translation>
    </message>
    <message>
        <source>Activation bits</source>
        <translation>激活值位数</translation>
    </message>
    <message>
        <source>Bits of what quantized weights are multiplied with, on the processor. 8 read prompts up to 1.5 times as fast as 16 (of Q8_0 no faster) and cost some accuracy: of two small models logits changed by an NMSE of 1e-4 and 5e-4, perplexity by 0.4 % and 0.1 %.</source>
        <translation>在处理器上，量化权重与多少位的激活值相乘。8 位读取提示的速度最多为 16 位的 1.5 倍（Q8_0 不会更快），但会损失一些精度：在两个小模型上，logits 的 NMSE 为 1e-4 和 5e-4，困惑度变化 0.4 % 和 0.1 %。</translation>
    </message>
    <message>
        <source>NMSE 1e-4 to 5e-4, perplexity +0.1 to 0.4 %</source>
        <translation>NMSE 1e-4 至 5e-4，困惑度 +0.1 至 0.4 %</translation>
    </message>
    <message>
        <source>Prefill chunk</source>
        <translation>预填充块</translation>
    </message>
    <message>
        <source>How many tokens of the prompt are read at a time. It changes speed and memory, not the result.</source>
        <translation>一次读取提示中的多少个词元。影响速度和内存，不影响结果。</translation>
    </message>
    <message>
        <source>now</source>
        <translation>立即</translation>
    </message>
    <message>
        <source>next message</source>
        <translation>下一条消息</translation>
    </message>
    <message>
        <source>reload</source>
        <translation>重新加载</translation>
    </message>
    <message>
        <source>as in the file</source>
        <translation>与文件相同</translation>
    </message>
    <message>
        <source>off</source>
        <translation>关</translation>
    </message>
    <message>
        <source>random</source>
        <translation>随机</translation>
    </message>
    <message>
        <source>Control tokens in messages</source>
        <translation>消息中的控制词元</translation>
    </message>
    <message>
        <source>What a control token such as &lt;|im_start|&gt; means where it is written in a message or an attached file: text to read, or control, which lets the text begin turns in another&apos;s name.</source>
        <translation>消息或附件中写出的控制词元（如 &lt;|im_start|&gt;）的含义：“文本”只作为文字阅读；“控制”则允许这段文字以他人的名义开始一轮对话。</translation>
    </message>
    <message>
        <source>text</source>
        <translation>文本</translation>
    </message>
    <message>
        <source>control</source>
        <translation>控制</translation>
    </message>
    <message>
        <source>Precision of what the model remembers of the text so far. A change affects new blocks of tokens only. Q4_0 takes a quarter of the memory of F16, and some models answer much worse with it. FP8 is for cards of compute capability 8.9 or more.</source>
        <translation>模型对已有文本的记忆的精度。更改只影响新的词元块。Q4_0 只占 F16 四分之一的内存，但有些模型用它时回答会差很多。FP8 需要计算能力 8.9 或更高的显卡。</translation>
    </message>
    <message>
        <source>Thinking</source>
        <translation>思考</translation>
    </message>
    <message>
        <source>Whether the model thinks before it answers. Auto: as its chat template has it. For models whose template has a switch.</source>
        <translation>模型在回答之前是否思考。自动：按对话模板的默认方式。适用于模板带有此开关的模型。</translation>
    </message>
    <message>
        <source>auto</source>
        <translation>自动</translation>
    </message>
    <message>
        <source>on</source>
        <translation>开</translation>
    </message>
    <message>
        <source>Thinking effort</source>
        <translation>思考力度</translation>
    </message>
    <message>
        <source>How long the model thinks before it answers. Auto: as its chat template has it. For models whose template takes a word for it.</source>
        <translation>模型在回答之前思考多久。自动：按对话模板的默认方式。适用于模板接受此设置的模型。</translation>
    </message>
    <message>
        <source>low</source>
        <translation>低</translation>
    </message>
    <message>
        <source>medium</source>
        <translation>中</translation>
    </message>
    <message>
        <source>high</source>
        <translation>高</translation>
    </message>
    <message>
        <source>When the context is full</source>
        <translation>上下文已满时</translation>
    </message>
    <message>
        <source>What is done with a chat that is longer than the model&apos;s context: stop ends the answer there; leave out takes the oldest questions and their answers out of what the model reads, never the system prompt.</source>
        <translation>对话超出模型上下文时怎么办：“停止”让回答到此为止；“略去”把最早的提问及其回答从模型读取的内容中去掉，系统提示词始终保留。</translation>
    </message>
    <message>
        <source>stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>leave out</source>
        <translation>略去</translation>
    </message>
</context>
<context>
    <name>DialState</name>
    <message>
        <source>8 bits are for models that the processor computes: a card keeps 16.</source>
        <translation>8 位仅用于由处理器计算的模型：显卡保持 16 位。</translation>
    </message>
    <message>
        <source>%1 (the file&apos;s)</source>
        <translation>%1（文件自带）</translation>
    </message>
    <message>
        <source>Fewer experts answer quicker and know less; %1 of %2 is the model as it was made.</source>
        <translation>专家越少，回答越快，但懂得越少；%1/%2 是模型原本的设置。</translation>
    </message>
    <message>
        <source>This model is dense: it has no experts to choose from. Carving makes a copy whose neurons are grouped into experts.</source>
        <translation>这是稠密模型，没有可选的专家。雕刻会另存一份，把神经元分组为专家。</translation>
    </message>
    <message>
        <source>This model is dense: it has no experts to choose from, and its layers do not divide into some.</source>
        <translation>这是稠密模型，没有可选的专家，其各层也无法分成专家。</translation>
    </message>
</context>
<context>
    <name>DocumentReader</name>
    <message>
        <source>%1 cannot be read: it is gone, or you may not read it.</source>
        <translation>无法读取 %1：文件已不存在，或者您无权读取。</translation>
    </message>
    <message>
        <source>%1 is no PDF, DOCX, ODT, PPTX or XLSX file, whatever its name says: save it as one of these, or paste its text.</source>
        <translation>%1 并不是 PDF、DOCX、ODT、PPTX 或 XLSX 文件，尽管名称如此：请另存为其中一种，或直接粘贴文字。</translation>
    </message>
    <message>
        <source>%1 is encrypted: save a copy without a password, or paste its text.</source>
        <translation>%1 已加密：请另存一份不带密码的副本，或直接粘贴文字。</translation>
    </message>
    <message>
        <source>%1 has no text, only pictures of it, as a scanner makes them: use a copy that was put through character recognition.</source>
        <translation>%1 里没有文字，只有图像（例如扫描件）：请使用经过文字识别的副本。</translation>
    </message>
    <message>
        <source>%1 is damaged: open and save it anew with the program that made it, or paste its text.</source>
        <translation>%1 已损坏：请用创建它的程序重新打开并保存，或直接粘贴文字。</translation>
    </message>
    <message>
        <source>%1 has more text than a message can hold: paste the part that matters.</source>
        <translation>%1 的文字超出了一条消息的容量：请只粘贴需要的部分。</translation>
    </message>
    <message>
        <source>%1 cannot be read: the program switchyard-read-document is missing or does not start. Install Switchyard anew, or paste the text.</source>
        <translation>无法读取 %1：程序 switchyard-read-document 缺失或无法启动。请重新安装 Switchyard，或直接粘贴文字。</translation>
    </message>
    <message>
        <source>%1 took more time or memory to read than a file should: it may be damaged, or made to do harm. Paste its text.</source>
        <translation>读取 %1 所用的时间或内存超出正常范围：文件可能已损坏，或是恶意制作的。请直接粘贴文字。</translation>
    </message>
</context>
<context>
    <name>EngineErrors</name>
    <message>
        <source>is not a GGUF file</source>
        <translation>不是 GGUF 文件</translation>
    </message>
    <message>
        <source>the file is empty</source>
        <translation>文件是空的</translation>
    </message>
    <message>
        <source>is not a regular file</source>
        <translation>不是普通文件</translation>
    </message>
    <message>
        <source>cannot be read: %1</source>
        <translation>无法读取：%1</translation>
    </message>
    <message>
        <source>cannot be written: %1</source>
        <translation>无法写入：%1</translation>
    </message>
    <message>
        <source>cannot be mapped into memory: %1</source>
        <translation>无法映射到内存：%1</translation>
    </message>
    <message>
        <source>the file ends inside %1</source>
        <translation>文件在 %1 之内就结束了</translation>
    </message>
    <message>
        <source>%1 lies beyond the end of the file (cut short?)</source>
        <translation>%1 超出了文件末尾（文件可能被截断）</translation>
    </message>
    <message>
        <source>%1 is larger than the file</source>
        <translation>%1 比文件还大</translation>
    </message>
    <message>
        <source>%1 occurs twice</source>
        <translation>%1 出现了两次</translation>
    </message>
    <message>
        <source>the architecture %1 is not known to this program%2</source>
        <translation>本程序不支持架构 %1%2</translation>
    </message>
    <message>
        <source>the architecture %1 is not known to this program</source>
        <translation>本程序不支持架构 %1</translation>
    </message>
    <message>
        <source>the key general.architecture is missing: not a language model</source>
        <translation>缺少键 general.architecture：这不是语言模型</translation>
    </message>
    <message>
        <source>the key %1 is missing</source>
        <translation>缺少键 %1</translation>
    </message>
    <message>
        <source>the key %1 is %2, which is not known</source>
        <translation>键 %1 的值为 %2，本程序不支持</translation>
    </message>
    <message>
        <source>the tensor %1 is missing</source>
        <translation>缺少张量 %1</translation>
    </message>
    <message>
        <source>the tensor %1 is not known in a model of architecture %2</source>
        <translation>架构 %2 的模型中没有已知的张量 %1</translation>
    </message>
    <message>
        <source>the tensor %1 is %2, expected %3</source>
        <translation>张量 %1 的形状是 %2，应为 %3</translation>
    </message>
    <message>
        <source>is part %1 of a split model; open its first part</source>
        <translation>这是分卷模型的第 %1 部分；请打开第一部分</translation>
    </message>
    <message>
        <source>has no tokenizer: it can be run on token ids only</source>
        <translation>没有分词器：只能用词元编号运行</translation>
    </message>
    <message>
        <source>loading was stopped</source>
        <translation>加载已停止</translation>
    </message>
    <message>
        <source>carving was stopped</source>
        <translation>切分已停止</translation>
    </message>
    <message>
        <source>the prompt is empty</source>
        <translation>提示为空</translation>
    </message>
    <message>
        <source>the prompt has %1 tokens, the model&apos;s context holds %2: shorten it or start a new chat</source>
        <translation>提示有 %1 个词元，而模型的上下文只能容纳 %2 个：请缩短提示或开始新对话</translation>
    </message>
    <message>
        <source>the answer cannot be run again exactly: its prompt had %1 tokens, this one has %2</source>
        <translation>无法原样重新运行这个回答：当时的提示有 %1 个词元，现在有 %2 个</translation>
    </message>
    <message>
        <source>the model computed no usable logits: its weights or the file are damaged</source>
        <translation>模型没有算出可用的 logits：权重或文件已损坏</translation>
    </message>
    <message>
        <source>needs %1 (weights %2, KV cache %3, scratch %4, tokenizer %5), %6 are free</source>
        <translation>需要 %1（权重 %2、KV 缓存 %3、临时空间 %4、分词器 %5），可用 %6</translation>
    </message>
    <message>
        <source>%1: &quot;%2&quot; is not a whole number from %3 to %4</source>
        <translation>%1：“%2”不是 %3 到 %4 之间的整数</translation>
    </message>
    <message>
        <source>%1: &quot;%2&quot; is not a number from %3 to %4</source>
        <translation>%1：“%2”不是 %3 到 %4 之间的数</translation>
    </message>
    <message>
        <source>The tensor %1 is not known and is left out.</source>
        <translation>张量 %1 未知，已略去。</translation>
    </message>
    <message>
        <source>The tensor %1 is empty and is left out.</source>
        <translation>张量 %1 是空的，已略去。</translation>
    </message>
    <message>
        <source>The file&apos;s chat template cannot be used (%1), so a plain one stands in: answers may be worse than this model can do</source>
        <translation>文件的对话模板无法使用（%1），因此改用简单的模板：回答可能不如该模型应有的水平</translation>
    </message>
    <message>
        <source>The pre-tokenizer &apos;%1&apos; (tokenizer.ggml.pre) is unknown; the default one cuts the text, so some tokens may not be those the model was trained with</source>
        <translation>预分词器“%1”（tokenizer.ggml.pre）未知；改用默认的方式切分文本，因此有些词元可能与模型训练时的不同</translation>
    </message>
    <message>
        <source>model.safetensors.index.json does not belong to model.safetensors, which is whole and is read instead.</source>
        <translation>model.safetensors.index.json 与 model.safetensors 不配套；后者是完整的，因此读取后者。</translation>
    </message>
    <message>
        <source>claims %1 tensors, more than it has room for (cut short?)</source>
        <translation>声称有 %1 个张量，文件却放不下（文件被截断？）</translation>
    </message>
    <message>
        <source>claims %1 metadata keys, more than it has room for (cut short?)</source>
        <translation>声称有 %1 个元数据键，文件却放不下（文件被截断？）</translation>
    </message>
    <message>
        <source>is a big-endian GGUF file, which is not read</source>
        <translation>是大端 GGUF 文件，无法读取</translation>
    </message>
    <message>
        <source>has GGUF version %1; versions 2 and 3 are read</source>
        <translation>GGUF 版本为 %1；能读取的是版本 2 和 3</translation>
    </message>
    <message>
        <source>was cut short or could no longer be read while it was in use; restore the file and load it again</source>
        <translation>使用期间被截断，或无法再读取；请恢复该文件并重新加载</translation>
    </message>
    <message>
        <source>%1: was cut short or could no longer be read while it was in use; restore the file and load it again</source>
        <translation>模型文件在使用期间被截断，或无法再读取；请恢复该文件并重新加载（%1）</translation>
    </message>
    <message>
        <source>tensor %1</source>
        <translation>张量 %1</translation>
    </message>
    <message>
        <source>metadata key %1</source>
        <translation>元数据键 %1</translation>
    </message>
    <message>
        <source>the magic number</source>
        <translation>文件标识</translation>
    </message>
    <message>
        <source>the version</source>
        <translation>版本号</translation>
    </message>
    <message>
        <source>the tensor count</source>
        <translation>张量数</translation>
    </message>
    <message>
        <source>the metadata count</source>
        <translation>元数据数</translation>
    </message>
    <message>
        <source>the answer cannot be run again exactly: its prompt was another one</source>
        <translation>无法原样重新生成这条回答：它的提示词与现在的不同</translation>
    </message>
    <message>
        <source>cannot be read: part %1 of %2 is missing; put it beside the first one</source>
        <translation>无法读取：缺少第 %1 部分（共 %2 部分）；请把它放在第一部分旁边</translation>
    </message>
    <message>
        <source>is not part %1 of %2 by its own split keys</source>
        <translation>从文件内的拆分信息看，它不是第 %1 部分（共 %2 部分）</translation>
    </message>
    <message>
        <source>is the first of %1 parts, so its name must end in %2</source>
        <translation>它是 %1 个部分中的第一个，文件名必须以 %2 结尾</translation>
    </message>
    <message>
        <source>split.count claims %1 parts</source>
        <translation>split.count 声称有 %1 个部分</translation>
    </message>
    <message>
        <source>split.tensors.count is %1, but the parts hold %2 tensors</source>
        <translation>split.tensors.count 为 %1，但各部分共有 %2 个张量</translation>
    </message>
    <message>
        <source>%1 is also in an earlier part</source>
        <translation>%1 在前面的部分中已经有了</translation>
    </message>
    <message>
        <source>There is not enough memory for this model: close other programs, or choose a smaller model.</source>
        <translation>内存不足以加载此模型：请关闭其他程序，或选择更小的模型。</translation>
    </message>
    <message>
        <source>there is no NVIDIA driver on this machine</source>
        <translation>这台机器上没有 NVIDIA 驱动</translation>
    </message>
    <message>
        <source>this build of the program has no CUDA library</source>
        <translation>此版本的程序不带 CUDA 库</translation>
    </message>
    <message>
        <source>the CUDA library cannot be opened: %1</source>
        <translation>无法打开 CUDA 库：%1</translation>
    </message>
    <message>
        <source>the CUDA library %1 is of another build than the program</source>
        <translation>CUDA 库 %1 与本程序不是同一次构建</translation>
    </message>
    <message>
        <source>the NVIDIA driver knows CUDA %1 and this build needs %2: install driver %3 or newer</source>
        <translation>NVIDIA 驱动支持 CUDA %1，而此版本需要 %2：请安装 %3 或更新的驱动</translation>
    </message>
    <message>
        <source>the NVIDIA driver knows CUDA %1 and this build needs %2: install a newer driver</source>
        <translation>NVIDIA 驱动支持 CUDA %1，而此版本需要 %2：请安装更新的驱动</translation>
    </message>
    <message>
        <source>the NVIDIA driver finds no card on this machine, or none is free for this program</source>
        <translation>NVIDIA 驱动在这台机器上找不到显卡，或者没有可供本程序使用的显卡</translation>
    </message>
    <message>
        <source>CUDA does not start: %1</source>
        <translation>CUDA 无法启动：%1</translation>
    </message>
    <message>
        <source>%1 has compute capability %2, and this build needs %3 or more</source>
        <translation>%1 的计算能力为 %2，而此版本需要 %3 或更高</translation>
    </message>
    <message>
        <source>%1 is there, and this build of the program has no engine for it</source>
        <translation>有 %1，但此版本的程序没有适用于它的引擎</translation>
    </message>
    <message>
        <source>the KV cache needs %1 for the answers under way, %2 are allowed: end another answer or choose Q8_0 or Q4_0 for the KV cache</source>
        <translation>正在生成的回答需要 %1 的 KV 缓存，允许 %2：请结束另一个回答，或将 KV 缓存设为 Q8_0 或 Q4_0</translation>
    </message>
    <message>
        <source>Automatic: the CPU, because the model needs %1 even without most of its experts and %2 has %3 free.</source>
        <translation>自动：CPU，因为即使不把大部分专家放在显卡上，模型也需要 %1，而 %2 只有 %3 空闲。</translation>
    </message>
    <message>
        <source>Automatic: the CPU, because the model needs %1 and %2 has %3 free.</source>
        <translation>自动：CPU，因为模型需要 %1，而 %2 只有 %3 空闲。</translation>
    </message>
    <message>
        <source>Automatic: the CPU, because the model is larger than the memory of %1 and needs %2 of RAM beside it, of which %3 are free.</source>
        <translation>自动：CPU，因为模型大于 %1 的显存，另外还需要 %2 内存，而只有 %3 空闲。</translation>
    </message>
    <message>
        <source>Automatic: the CPU, because %1.</source>
        <translation>自动：CPU。原因：%1。</translation>
    </message>
    <message>
        <source>Automatic: %1, %2 free; this model needs %3 there and keeps its experts in RAM, %4, of which the card holds %5 at a time.</source>
        <translation>自动：%1，空闲 %2；此模型在那里需要 %3，专家放在内存中（%4），显卡同时容纳其中 %5。</translation>
    </message>
    <message>
        <source>Automatic: %1; this model needs %2 there and keeps its experts in RAM, %3, of which the card holds %4 at a time.</source>
        <translation>自动：%1；此模型在那里需要 %2，专家放在内存中（%3），显卡同时容纳其中 %4。</translation>
    </message>
    <message>
        <source>Automatic: %1, %2 free; this model needs %3.</source>
        <translation>自动：%1，空闲 %2；此模型需要 %3。</translation>
    </message>
    <message>
        <source>Automatic: %1; this model needs %2.</source>
        <translation>自动：%1；此模型需要 %2。</translation>
    </message>
    <message>
        <source>The chosen card cannot be used: %1.</source>
        <translation>所选的显卡无法使用：%1。</translation>
    </message>
    <message>
        <source>This model needs %1 on %2 (weights %3, KV cache %4, scratch %5) and %6 are free there: open it on the CPU, close what else uses the card, or choose a smaller model.</source>
        <translation>此模型在 %2 上需要 %1（权重 %3，KV 缓存 %4，临时空间 %5），那里只有 %6 空闲：请在 CPU 上打开它、关闭占用显卡的其他程序，或选择更小的模型。</translation>
    </message>
    <message>
        <source>there is no %1: this machine has one card, cuda:0</source>
        <translation>没有 %1：这台机器只有一块显卡 cuda:0</translation>
    </message>
    <message>
        <source>there is no %1: this machine has cuda:0 to %2</source>
        <translation>没有 %1：这台机器有 cuda:0 到 %2</translation>
    </message>
    <message>
        <source>the exact path computes on the CPU alone</source>
        <translation>精确路径只在 CPU 上计算</translation>
    </message>
    <message>
        <source>%1 was lost while it computed; start the program again to use it</source>
        <translation>%1 在计算时失去响应；请重新启动程序后再使用</translation>
    </message>
    <message>
        <source>%1: the device is lost; restart the program to use it again</source>
        <translation>%1：设备已失去响应；请重新启动程序后再使用</translation>
    </message>
    <message>
        <source>%1 is not used for this model: its kernels compute layers of this kind otherwise than the CPU</source>
        <translation>此模型不使用 %1：其内核对这类层的计算结果与 CPU 不同</translation>
    </message>
    <message>
        <source>%1 is not used: %2</source>
        <translation>未使用 %1：%2</translation>
    </message>
    <message>
        <source>its kernels compute something else than the CPU</source>
        <translation>它的内核算出的结果与 CPU 不同</translation>
    </message>
    <message>
        <source>%1 needs %2 on %3, of which %4 of memory are free</source>
        <translation>需要 %2（%1），而 %3 上只有 %4 显存空闲</translation>
    </message>
    <message>
        <source>%1 needs %2 of this machine&apos;s memory, which are not free</source>
        <translation>需要 %2 内存（%1），而这台机器没有这么多空闲内存</translation>
    </message>
    <message>
        <source>needs %1 of RAM (experts %2, tokenizer %3), %4 are free</source>
        <translation>需要 %1 内存（专家 %2、分词器 %3），可用 %4</translation>
    </message>
    <message>
        <source>the KV cache cannot be kept as %1 on this device: choose F16, Q8_0 or Q4_0</source>
        <translation>在此设备上 KV 缓存不能用 %1：请选择 F16、Q8_0 或 Q4_0</translation>
    </message>
    <message>
        <source>This device does not compute with %1: these weights became %2, which takes %3 more than in the file.</source>
        <translation>此设备不能直接用 %1 计算：这些权重已转为 %2，比文件中多占 %3。</translation>
    </message>
    <message>
        <source>a layer&apos;s attention norms, rotates and stores %1 values, and this device&apos;s kernels take %2</source>
        <translation>某一层的注意力要归一化、旋转和存储 %1 组数值，而此设备的内核最多处理 %2 组</translation>
    </message>
    <message>
        <source>a layer&apos;s attention has %1 norms and rotations, and this device&apos;s kernels take %2</source>
        <translation>某一层的注意力有 %1 个归一化和旋转步骤，而此设备的内核最多处理 %2 个</translation>
    </message>
    <message>
        <source>attention heads of %1 dimensions need more shared memory than the %2 KiB that a block of %3 may have</source>
        <translation>%1 维的注意力头需要的共享内存超过 %3 每个线程块可用的 %2 KiB</translation>
    </message>
    <message>
        <source>a saved part of the KV cache has %1 bytes, expected %2</source>
        <translation>保存的一部分 KV 缓存有 %1 字节，应为 %2</translation>
    </message>
    <message>
        <source>the KV cache holds no more than %1 blocks</source>
        <translation>KV 缓存最多容纳 %1 块</translation>
    </message>
    <message>
        <source>a layer has more feed-forward blocks than this device&apos;s kernels take</source>
        <translation>某一层的前馈块超过此设备内核所能处理的数目</translation>
    </message>
    <message>
        <source>a layer has %1 experts, and this device&apos;s kernels take %2</source>
        <translation>某一层有 %1 个专家，而此设备的内核只能处理 %2 个</translation>
    </message>
    <message>
        <source>The context ends at %1 tokens: the rotations that the model has for longer texts are not computed.</source>
        <translation>上下文止于 %1 个词元：模型用于更长文本的旋转未被计算。</translation>
    </message>
    <message>
        <source>a layer&apos;s convolution has %1 taps, and this device&apos;s kernels take %2</source>
        <translation>某一层的卷积有 %1 个抽头，而此设备的内核最多处理 %2 个</translation>
    </message>
    <message>
        <source>a layer&apos;s linear attention has heads of %1 and %2 dimensions, which this device&apos;s kernels do not take</source>
        <translation>某一层的线性注意力的头有 %1 和 %2 维，此设备的内核无法处理</translation>
    </message>
    <message>
        <source>a layer&apos;s state space has states of %1 numbers, which this device&apos;s kernels do not take</source>
        <translation>某一层的状态空间的状态有 %1 个数，此设备的内核无法处理</translation>
    </message>
    <message>
        <source>%1: the device cannot be used: %2</source>
        <translation>%1：无法使用该设备：%2</translation>
    </message>
    <message>
        <source>a device does not tell what it is: %1</source>
        <translation>设备没有说明自己的型号：%1</translation>
    </message>
    <message>
        <source>the device does not tell its memory: %1</source>
        <translation>设备没有说明自己的显存：%1</translation>
    </message>
    <message>
        <source>memory cannot be had: %1</source>
        <translation>无法取得显存：%1</translation>
    </message>
    <message>
        <source>host memory cannot be had: %1</source>
        <translation>无法取得主机内存：%1</translation>
    </message>
    <message>
        <source>an event cannot be made: %1</source>
        <translation>无法创建事件：%1</translation>
    </message>
    <message>
        <source>the device failed: %1</source>
        <translation>设备出错：%1</translation>
    </message>
    <message>
        <source>two events cannot be compared: %1</source>
        <translation>无法比较两个事件：%1</translation>
    </message>
    <message>
        <source>a graph cannot be made: %1</source>
        <translation>无法创建计算图：%1</translation>
    </message>
    <message>
        <source>a graph cannot be made ready: %1</source>
        <translation>无法准备计算图：%1</translation>
    </message>
    <message>
        <source>a stream cannot be made: %1</source>
        <translation>无法创建流：%1</translation>
    </message>
    <message>
        <source>a copy to the device failed: %1</source>
        <translation>复制到设备失败：%1</translation>
    </message>
    <message>
        <source>a copy from the device failed: %1</source>
        <translation>从设备复制失败：%1</translation>
    </message>
    <message>
        <source>a copy within the device failed: %1</source>
        <translation>设备内复制失败：%1</translation>
    </message>
    <message>
        <source>memory of the device cannot be filled: %1</source>
        <translation>无法填充设备的显存：%1</translation>
    </message>
    <message>
        <source>an event cannot be recorded: %1</source>
        <translation>无法记录事件：%1</translation>
    </message>
    <message>
        <source>a stream cannot wait: %1</source>
        <translation>流无法等待：%1</translation>
    </message>
    <message>
        <source>launches cannot be recorded: %1</source>
        <translation>无法记录启动：%1</translation>
    </message>
    <message>
        <source>a graph did not start: %1</source>
        <translation>计算图没有启动：%1</translation>
    </message>
    <message>
        <source>the device cannot be used: %1</source>
        <translation>无法使用该设备：%1</translation>
    </message>
    <message>
        <source>the device was lost</source>
        <translation>设备已失去响应</translation>
    </message>
    <message>
        <source>a weight</source>
        <translation>一个权重</translation>
    </message>
    <message>
        <source>an expert</source>
        <translation>一个专家</translation>
    </message>
    <message>
        <source>the KV cache</source>
        <translation>KV 缓存</translation>
    </message>
    <message>
        <source>the cache of experts</source>
        <translation>专家缓存</translation>
    </message>
    <message>
        <source>the scratch of a step</source>
        <translation>一步计算的临时空间</translation>
    </message>
    <message>
        <source>the table of weights</source>
        <translation>权重表</translation>
    </message>
    <message>
        <source>copying weights</source>
        <translation>复制权重</translation>
    </message>
    <message>
        <source>copying to %1</source>
        <translation>复制到 %1 </translation>
    </message>
    <message>
        <source>a model&apos;s constants</source>
        <translation>模型的常量</translation>
    </message>
    <message>
        <source>the clock of a step</source>
        <translation>一步计算的计时</translation>
    </message>
    <message>
        <source>the KV cache cannot be kept as FP8 on %1, whose compute capability is %2 and not 8.9 or newer: choose F16, Q8_0 or Q4_0</source>
        <translation>在 %1 上 KV 缓存不能用 FP8：它的计算能力为 %2，低于 8.9；请选择 F16、Q8_0 或 Q4_0</translation>
    </message>
    <message>
        <source>a dense product cannot be started: %1</source>
        <translation>无法启动稠密乘积：%1</translation>
    </message>
    <message>
        <source>there is no memory to try a product: %1</source>
        <translation>没有显存可用来试算乘积：%1</translation>
    </message>
    <message>
        <source>the CUDA library cannot be opened: %1 is no file</source>
        <translation>无法打开 CUDA 库：%1 不是文件</translation>
    </message>
    <message>
        <source>the CUDA library cannot be opened: %1 ends too soon: it was not copied whole</source>
        <translation>无法打开 CUDA 库：%1 不完整，没有完整复制</translation>
    </message>
    <message>
        <source>the CUDA library cannot be opened: %1 ends the program that opens it</source>
        <translation>无法打开 CUDA 库：打开 %1 的程序会随之结束</translation>
    </message>
    <message>
        <source>the CUDA library cannot be opened: %1 gives no answer in %2 s</source>
        <translation>无法打开 CUDA 库：%1 在 %2 秒内没有响应</translation>
    </message>
    <message>
        <source>CUDA does not start: the driver ends the program that starts it</source>
        <translation>CUDA 无法启动：启动它的程序会被驱动结束</translation>
    </message>
    <message>
        <source>CUDA does not start: the driver gives no answer in %1 s</source>
        <translation>CUDA 无法启动：驱动在 %1 秒内没有响应</translation>
    </message>
    <message numerus="yes">
        <source>%n thread(s)</source>
        <translation>
            <numerusform>%n 线程</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 where rows are not divisible by %2</source>
        <translation>行长不能被 %2 整除处为 %1</translation>
    </message>
    <message>
        <source>The model is not locked in memory: this system lets a program lock %1. Raise &quot;memlock&quot; in /etc/security/limits.conf, or do without: it is swapped out only where memory is short.</source>
        <translation>模型没有锁定在内存中：本系统允许程序锁定 %1。可在 /etc/security/limits.conf 中提高“memlock”，也可以不锁定：只有内存不足时才会被换出。</translation>
    </message>
    <message>
        <source>The model is not locked in memory: this system cannot do it.</source>
        <translation>模型没有锁定在内存中：本系统不支持。</translation>
    </message>
    <message>
        <source>No model is loaded: choose one in the model picker.</source>
        <translation>没有加载模型：请在模型选择器中选择一个。</translation>
    </message>
    <message>
        <source>The model was unloaded.</source>
        <translation>模型已卸载。</translation>
    </message>
    <message>
        <source>, </source>
        <comment>between the parts of a list</comment>
        <translation>、</translation>
    </message>
    <message>
        <source>this device&apos;s kernels compute no indexers of this kind</source>
        <translation>此设备的内核不支持这类索引器</translation>
    </message>
    <message>
        <source>a layer makes rows of %1 values of its tokens, and this device&apos;s kernels take %2</source>
        <translation>某层由词元合成的行有 %1 个值，而此设备的内核最多支持 %2 个</translation>
    </message>
    <message>
        <source>This model %1 beside the models in use: unload one of them, or choose a smaller model.</source>
        <translation>在已使用的模型之外，此模型放不下：%1。请卸载其中一个，或选择更小的模型。</translation>
    </message>
    <message>
        <source>%1 was lost while it computed. What was written is kept; the model can be opened on the CPU.</source>
        <translation>%1 在计算时失去响应。已写出的内容已保留；可以在 CPU 上打开模型。</translation>
    </message>
    <message>
        <source>this device&apos;s kernels compute no norms of heads but RMS norms</source>
        <translation>此设备的内核对注意力头只支持 RMS 归一化</translation>
    </message>
    <message>
        <source>the CUDA library cannot be opened: there is no memory for it</source>
        <translation>无法打开 CUDA 库：没有足够的内存</translation>
    </message>
</context>
<context>
    <name>ExpertText</name>
    <message>
        <source>%1 % of experts found</source>
        <translation>专家命中 %1 %</translation>
    </message>
    <message>
        <source>The experts lie in RAM, %1; of %2 the card holds %3 at a time, %4.</source>
        <translation>专家放在内存中，%1；共 %2 个，显卡同时容纳 %3 个，%4。</translation>
    </message>
    <message>
        <source>Of those that layers needed %1 % were there; %2 were fetched, %3.</source>
        <translation>各层所需的专家中 %1 % 已在显卡上；取来 %2 个，%3。</translation>
    </message>
</context>
<context>
    <name>JobStages</name>
    <message>
        <source>writing calibration text</source>
        <translation>正在编写校准文本</translation>
    </message>
    <message>
        <source>ranking neurons</source>
        <translation>正在给神经元排序</translation>
    </message>
    <message>
        <source>grouping neurons</source>
        <translation>正在给神经元分组</translation>
    </message>
    <message>
        <source>training routers</source>
        <translation>正在训练路由器</translation>
    </message>
    <message>
        <source>writing</source>
        <translation>正在写入</translation>
    </message>
</context>
<context>
    <name>MarkdownWriter</name>
    <message numerus="yes">
        <source>A table of %n columns, shown as text:</source>
        <translation>
            <numerusform>%n 列的表格，以文本显示：</numerusform>
        </translation>
    </message>
    <message>
        <source>A table of %1 × %2 cells, shown as text:</source>
        <translation>%1 × %2 个单元格的表格，以文本显示：</translation>
    </message>
</context>
<context>
    <name>MessageContent</name>
    <message numerus="yes">
        <source>%n experts</source>
        <translation>
            <numerusform>%n 个专家</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 → %n experts</source>
        <translation>
            <numerusform>%1 → %n 个专家</numerusform>
        </translation>
    </message>
    <message>
        <source>file&apos;s precision</source>
        <translation>文件精度</translation>
    </message>
    <message>
        <source>%1 t/s</source>
        <translation>%1 词元/秒</translation>
    </message>
    <message>
        <source>%1 ms to first</source>
        <translation>首词元 %1 毫秒</translation>
    </message>
    <message>
        <source>%1: %2 → %3</source>
        <translation>%1：%2 → %3</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1：%2</translation>
    </message>
    <message numerus="yes">
        <source>Thinking, %n s</source>
        <translation>
            <numerusform>思考中，%n 秒</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Thought for %n s</source>
        <translation>
            <numerusform>思考了 %n 秒</numerusform>
        </translation>
    </message>
    <message>
        <source>Hide the thinking</source>
        <translation>隐藏思考</translation>
    </message>
    <message>
        <source>Show the thinking</source>
        <translation>显示思考</translation>
    </message>
    <message>
        <source>Result of a tool</source>
        <translation>工具的结果</translation>
    </message>
    <message>
        <source>Result of %1</source>
        <translation>%1 的结果</translation>
    </message>
    <message>
        <source>Hide the result</source>
        <translation>隐藏结果</translation>
    </message>
    <message>
        <source>Show the result</source>
        <translation>显示结果</translation>
    </message>
    <message>
        <source>Tool call</source>
        <translation>工具调用</translation>
    </message>
    <message>
        <source>Calling %1</source>
        <translation>正在调用 %1</translation>
    </message>
    <message>
        <source>Called %1</source>
        <translation>已调用 %1</translation>
    </message>
    <message>
        <source>Hide the arguments</source>
        <translation>隐藏参数</translation>
    </message>
    <message>
        <source>Show the arguments</source>
        <translation>显示参数</translation>
    </message>
    <message>
        <source>Thoughts</source>
        <translation>思考</translation>
    </message>
</context>
<context>
    <name>MessageLayout</name>
    <message>
        <source>You</source>
        <translation>你</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>系统提示</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>代码</translation>
    </message>
    <message>
        <source>The context was full before the answer: thinking used it up. Start a new chat, or choose a model with a larger context and continue with that.</source>
        <translation>还没有开始回答，上下文就被思考占满了。请新建对话，或选择上下文更大的模型再继续。</translation>
    </message>
    <message>
        <source>Cut because the context is full. Start a new chat, or choose a model with a larger context and continue with that.</source>
        <translation>上下文已满，回答被截断。请新建对话，或选择上下文更大的模型再继续。</translation>
    </message>
    <message>
        <source>The model ended after its thinking, without an answer: ask again.</source>
        <translation>模型思考之后没有给出回答：请再问一次。</translation>
    </message>
    <message>
        <source>The model ended without a word: ask again, or in other words.</source>
        <translation>模型什么也没有说：请再问一次，或换一种问法。</translation>
    </message>
    <message>
        <source>%1 more are not shown here. Copying the message takes all of it.</source>
        <translation>其余 %1 未在此显示。复制消息会包含全部内容。</translation>
    </message>
    <message>
        <source>%1 more are not shown here. Selecting all of it and copying takes them too.</source>
        <translation>此处还有 %1 未显示。全选并复制即可得到全部内容。</translation>
    </message>
    <message>
        <source>The answer failed, and no cause is known. Answer again; if that fails, too, load the model again.</source>
        <translation>回答失败，原因未知。请重新回答；如果仍然失败，请重新加载模型。</translation>
    </message>
    <message>
        <source>The answer was stopped before its first word. Continue begins it.</source>
        <translation>回答在写出第一个字之前已停止。点“继续”可以开始写。</translation>
    </message>
    <message>
        <source>The answer was stopped here. What is there is kept; Continue goes on from here.</source>
        <translation>回答在这里停止。已有的内容会保留；点“继续”可以从这里接着写。</translation>
    </message>
    <message>
        <source>The answer was interrupted: the program ended while it was being written. What is there is kept; Continue goes on from here.</source>
        <translation>回答被中断：写到一半时程序退出了。已有的内容会保留；点“继续”可以从这里接着写。</translation>
    </message>
    <message>
        <source>The model&apos;s memory begins below: what stands above was left out of what it read last.</source>
        <translation>模型的记忆从下面开始：上面的内容上次没有让它读取。</translation>
    </message>
    <message numerus="yes">
        <source>The limit of %Ln tokens was used up by thinking, before the answer. Continue goes on from here; “%1” in the Tune column sets the limit.</source>
        <translation>
            <numerusform>思考用完了 %Ln 个词元的上限，还没有开始回答。“继续”会从这里接着写；调节栏中的“%1”决定上限。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Cut at the limit of %Ln tokens. Continue goes on from here; “%1” in the Tune column sets the limit.</source>
        <translation>
            <numerusform>到达 %Ln 个词元的上限，回答被截断。“继续”会从这里接着写；调节栏中的“%1”决定上限。</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>MessageWords</name>
    <message>
        <source>System</source>
        <translation>系统</translation>
    </message>
    <message>
        <source>You</source>
        <translation>你</translation>
    </message>
    <message>
        <source>Answer</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>Thinking</source>
        <translation>思考</translation>
    </message>
    <message>
        <source>Thinking (%1 s)</source>
        <translation>思考（%1 秒）</translation>
    </message>
    <message>
        <source>Tool call: %1</source>
        <translation>工具调用：%1</translation>
    </message>
    <message>
        <source>Tool result: %1</source>
        <translation>工具结果：%1</translation>
    </message>
    <message>
        <source>File: %1</source>
        <translation>文件：%1</translation>
    </message>
    <message>
        <source>Still being written</source>
        <translation>仍在写</translation>
    </message>
    <message>
        <source>The program ended while it was written</source>
        <translation>写到一半时程序结束了</translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation>已停止</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <source>Version %1 of %2</source>
        <translation>版本 %1 / %2</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>系统提示</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>对话</translation>
    </message>
</context>
<context>
    <name>ModelFiles</name>
    <message>
        <source>%1 cannot be moved to the trash. Is it on a disk without one, or not yours to delete? It stays.</source>
        <translation>%1 无法移到回收站。它所在的磁盘可能没有回收站，或者您无权删除它。文件保持原样。</translation>
    </message>
</context>
<context>
    <name>ModelMenuTexts</name>
    <message>
        <source>No models in the model folders</source>
        <translation>模型文件夹中没有模型</translation>
    </message>
</context>
<context>
    <name>ModelProvider</name>
    <message>
        <source>Your folders</source>
        <translation>您的文件夹</translation>
    </message>
    <message>
        <source>Opened by their files</source>
        <translation>直接打开的文件</translation>
    </message>
</context>
<context>
    <name>TokenOverlay</name>
    <message>
        <source>Before token %1:</source>
        <translation>词元 %1 之前：</translation>
    </message>
</context>
<context>
    <name>WebRules</name>
    <message>
        <source>%1 is no https address: nothing is fetched from it.</source>
        <translation>%1 不是 https 地址：不会从那里下载任何内容。</translation>
    </message>
    <message>
        <source>The address has a user name in it: nothing is fetched.</source>
        <translation>该地址中带有用户名：不会下载。</translation>
    </message>
    <message>
        <source>The server&apos;s name for the file is none that can be stored.</source>
        <translation>服务器给出的文件名无法用来保存文件。</translation>
    </message>
    <message>
        <source>%1 may hold a pickle, which can run code as it is read. It is not fetched: look for a GGUF or safetensors file of the model.</source>
        <translation>%1 可能是 pickle 文件，读取时会运行代码，因此不会下载。请寻找该模型的 GGUF 或 safetensors 文件。</translation>
    </message>
    <message>
        <source>%1 is no model file: GGUF and safetensors files can be fetched.</source>
        <translation>%1 不是模型文件：可以下载的是 GGUF 和 safetensors 文件。</translation>
    </message>
</context>
<context>
    <name>switchyard::AnatomyReader</name>
    <message>
        <source>%1 cannot be read: %2</source>
        <translation>无法读取 %1：%2</translation>
    </message>
</context>
<context>
    <name>switchyard::AnatomyView</name>
    <message>
        <source>Memory it will take</source>
        <translation>将占用的内存</translation>
    </message>
    <message>
        <source>Weights at each precision</source>
        <translation>各精度下的权重大小</translation>
    </message>
    <message>
        <source>Choose a model to see what it is made of.</source>
        <translation>选择一个模型，查看它的构成。</translation>
    </message>
    <message>
        <source>Context to forecast memory for, in tokens</source>
        <translation>用于预测内存的上下文长度（词元）</translation>
    </message>
    <message>
        <source>Precision of the weights to forecast memory for</source>
        <translation>用于预测内存的权重精度</translation>
    </message>
    <message>
        <source>Precision of the KV cache to forecast memory for</source>
        <translation>用于预测内存的 KV 缓存精度</translation>
    </message>
    <message>
        <source>Context in tokens</source>
        <translation>上下文（词元）</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>KV cache</source>
        <translation>KV 缓存</translation>
    </message>
    <message>
        <source>%1 parameters, %2 of them active a token</source>
        <translation>%1 参数，每词元激活 %2</translation>
    </message>
    <message>
        <source>Active are those that a token is computed with: of the routed experts only the chosen ones. The embedding table is looked up; with it there are %1.</source>
        <translation>激活参数是计算一个词元时用到的参数：路由专家只计被选中的。词嵌入表只是查表；算上它共 %1。</translation>
    </message>
    <message>
        <source>%1 active</source>
        <translation>激活 %1</translation>
    </message>
    <message>
        <source>Shape</source>
        <translation>形状</translation>
    </message>
    <message>
        <source>Experts</source>
        <translation>专家</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>%1 tokens</source>
        <translation>%1 个词元</translation>
    </message>
    <message>
        <source>%1 in %2</source>
        <translation>%2 为 %1</translation>
    </message>
    <message>
        <source>KV a token</source>
        <translation>每词元 KV</translation>
    </message>
    <message>
        <source>%1 values: %2</source>
        <translation>%1 个数值：%2</translation>
    </message>
    <message>
        <source>Work a token</source>
        <translation>每词元计算量</translation>
    </message>
    <message>
        <source>about %1, at this context %2</source>
        <translation>约 %1，在此上下文下 %2</translation>
    </message>
    <message>
        <source>Output</source>
        <translation>输出层</translation>
    </message>
    <message>
        <source>the embedding table, used a second time (tied)</source>
        <translation>与词嵌入表共用（权重绑定）</translation>
    </message>
    <message>
        <source>as in the file</source>
        <translation>与文件相同</translation>
    </message>
    <message>
        <source>%1 (the file&apos;s)</source>
        <translation>%1（文件自带）</translation>
    </message>
    <message>
        <source>%1 (as published)</source>
        <translation>%1（发布时）</translation>
    </message>
    <message>
        <source>no gain over the file</source>
        <translation>相比文件没有提升</translation>
    </message>
    <message>
        <source>Tokenizer and metadata</source>
        <translation>分词器与元数据</translation>
    </message>
    <message>
        <source>KV cache at this context</source>
        <translation>此上下文的 KV 缓存</translation>
    </message>
    <message>
        <source>Scratch for a chunk of the prompt</source>
        <translation>处理一段提示的暂存区</translation>
    </message>
    <message>
        <source>Together</source>
        <translation>合计</translation>
    </message>
    <message>
        <source>Stays in the file, read as needed</source>
        <translation>留在文件中，按需读取</translation>
    </message>
    <message>
        <source>Fits: %1 of RAM are free.</source>
        <translation>放得下：空闲内存 %1。</translation>
    </message>
    <message>
        <source>Does not fit: %1 are needed, %2 of RAM are free. Choose a lower precision or a shorter context.</source>
        <translation>放不下：需要 %1，空闲内存 %2。请选择更低的精度或更短的上下文。</translation>
    </message>
    <message>
        <source>In use now: its weights were forecast at %1 and take %2.</source>
        <translation>正在使用：权重预测 %1，实际占用 %2。</translation>
    </message>
    <message>
        <source>Fits %1: %2 of %3 of VRAM are free.</source>
        <translation>%1 放得下：%3 显存中有 %2 空闲。</translation>
    </message>
    <message>
        <source>Does not fit %1: %2 are needed there, %3 of VRAM are free.</source>
        <translation>%1 放不下：那里需要 %2，显存空闲 %3。</translation>
    </message>
    <message>
        <source>In use now on %1: its weights were forecast at %2 and take %3 of VRAM.</source>
        <translation>正在 %1 上使用：权重预计 %2，占用显存 %3。</translation>
    </message>
    <message>
        <source>, </source>
        <comment>between the parts of a list</comment>
        <translation>、</translation>
    </message>
</context>
<context>
    <name>switchyard::AnswerElsewhere</name>
    <message>
        <source>%1 could not be loaded, so the answer stays as it is: %2</source>
        <translation>无法加载 %1，回答保持原样：%2</translation>
    </message>
    <message>
        <source>%1 could not be loaded, so the answer stays as it is, and %2 is loaded again: %3</source>
        <translation>无法加载 %1，回答保持原样，并重新加载 %2：%3</translation>
    </message>
    <message>
        <source>%1 was not loaded, so the answer stays as it is. The reason stands above the thread.</source>
        <translation>%1 没有加载，回答保持原样。原因显示在对话上方。</translation>
    </message>
    <message>
        <source>%1 is loaded, but nothing was asked again: its chat is not shown any more, or is being answered. Choose “Answer again with” once more.</source>
        <translation>%1 已加载，但没有重新提问：它的对话已不在显示，或正在回答。请再次选择“换模型重新回答”。</translation>
    </message>
</context>
<context>
    <name>switchyard::AnswerNotices</name>
    <message>
        <source>Show</source>
        <translation>显示</translation>
    </message>
    <message>
        <source>“%1”: the answer failed.</source>
        <translation>“%1”：回答失败。</translation>
    </message>
    <message>
        <source>“%1” has its answer.</source>
        <translation>“%1”已有回答。</translation>
    </message>
    <message>
        <source>An answer has failed.</source>
        <translation>有一个回答失败了。</translation>
    </message>
    <message>
        <source>An answer has ended.</source>
        <translation>有一个回答已结束。</translation>
    </message>
</context>
<context>
    <name>switchyard::CarvePanel</name>
    <message>
        <source>Progress of carving</source>
        <translation>雕刻进度</translation>
    </message>
    <message>
        <source>Carve this model</source>
        <translation>雕刻此模型</translation>
    </message>
    <message>
        <source>Makes a copy of the model with experts of its own neurons</source>
        <translation>用模型自身的神经元组成专家，另存一份</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Open the carved model</source>
        <translation>打开雕刻后的模型</translation>
    </message>
</context>
<context>
    <name>switchyard::ChatController</name>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>The model could not be loaded, so nothing was sent: what you wrote is kept. Choose another model and send it again.</source>
        <translation>模型无法加载，因此没有发送任何内容：您写的内容已保留。请选择其他模型后重新发送。</translation>
    </message>
    <message>
        <source>There is no model any more, so nothing was sent: what you wrote is kept. Choose a model and send it again.</source>
        <translation>已没有模型，因此没有发送任何内容：您写的内容已保留。请选择一个模型后重新发送。</translation>
    </message>
    <message>
        <source>Temporary chat</source>
        <translation>临时对话</translation>
    </message>
</context>
<context>
    <name>switchyard::ChatFiles</name>
    <message>
        <source>Markdown (*.md)</source>
        <translation>Markdown (*.md)</translation>
    </message>
    <message>
        <source>Markdown with all branches (*.md)</source>
        <translation>Markdown，含所有分支 (*.md)</translation>
    </message>
    <message>
        <source>Web page (*.html)</source>
        <translation>网页 (*.html)</translation>
    </message>
    <message>
        <source>Web page with all branches (*.html)</source>
        <translation>网页，含所有分支 (*.html)</translation>
    </message>
    <message>
        <source>Everything, to be imported again (*.json)</source>
        <translation>全部内容，可再导入 (*.json)</translation>
    </message>
    <message>
        <source>chat</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>chats</source>
        <translation>所有对话</translation>
    </message>
    <message>
        <source>Export all chats</source>
        <translation>导出所有对话</translation>
    </message>
    <message>
        <source>Export the chat</source>
        <translation>导出对话</translation>
    </message>
    <message>
        <source>The export was cancelled; nothing was written.</source>
        <translation>已取消导出，没有写入任何内容。</translation>
    </message>
    <message numerus="yes">
        <source>%n chat(s) were written to %1.</source>
        <translation>
            <numerusform>%n 个对话已写入 %1。</numerusform>
        </translation>
    </message>
    <message>
        <source>Import chats</source>
        <translation>导入对话</translation>
    </message>
    <message>
        <source>Exports of chats (*.json *.zip)</source>
        <translation>导出的对话 (*.json *.zip)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>所有文件 (*)</translation>
    </message>
    <message numerus="yes">
        <source>%n chat(s) were imported.</source>
        <translation>
            <numerusform>已导入 %n 个对话。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n chat(s) were here already.</source>
        <translation>
            <numerusform>%n 个对话已经在这里。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n chat(s) without messages were left out.</source>
        <translation>
            <numerusform>略去了 %n 个没有消息的对话。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n entry(s) that cannot be read as chats were left out.</source>
        <translation>
            <numerusform>略去了 %n 个无法当作对话读取的条目。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n record(s) or dial(s) could not be taken over.</source>
        <translation>
            <numerusform>%n 个记录或参数无法导入。</numerusform>
        </translation>
    </message>
    <message>
        <source>The import was cancelled.</source>
        <translation>已取消导入。</translation>
    </message>
    <message>
        <source>Exporting chats: %1 %</source>
        <translation>正在导出对话：%1 %</translation>
    </message>
    <message>
        <source>Importing chats: %1 %</source>
        <translation>正在导入对话：%1 %</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
</context>
<context>
    <name>switchyard::ChatList</name>
    <message>
        <source>Your chats will be listed here.</source>
        <translation>您的对话会列在这里。</translation>
    </message>
    <message>
        <source>Search all chats</source>
        <translation>搜索所有对话</translation>
    </message>
    <message>
        <source>Chats</source>
        <translation>对话列表</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>No folder</source>
        <translation>不放入文件夹</translation>
    </message>
    <message>
        <source>%1 (%2)</source>
        <translation>%1（%2）</translation>
    </message>
</context>
<context>
    <name>switchyard::ChatListModel</name>
    <message>
        <source>%1, answering</source>
        <translation>%1，正在回答</translation>
    </message>
    <message>
        <source>Folder %1</source>
        <translation>文件夹 %1</translation>
    </message>
</context>
<context>
    <name>switchyard::ChatListService</name>
    <message>
        <source>%1 (copy)</source>
        <translation>%1（副本）</translation>
    </message>
    <message>
        <source>%1 (copy %2)</source>
        <translation>%1（副本 %2）</translation>
    </message>
</context>
<context>
    <name>switchyard::ChatPage</name>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Waiting for its turn: another chat is being answered</source>
        <translation>等待轮到：正在回答另一个对话</translation>
    </message>
    <message>
        <source>Starting</source>
        <translation>正在开始</translation>
    </message>
    <message>
        <source>Reading: %1 of %2 tokens</source>
        <translation>正在读取：%1 / %2 词元</translation>
    </message>
    <message>
        <source>Reading</source>
        <translation>正在读取</translation>
    </message>
    <message>
        <source>No model is loaded: choose one above the thread.</source>
        <translation>没有加载模型：请在上方选择一个。</translation>
    </message>
    <message>
        <source>The model is still loading. The message is sent as soon as it is ready.</source>
        <translation>模型仍在加载。就绪后立即发送消息。</translation>
    </message>
    <message>
        <source>The change was thrown away.</source>
        <translation>修改已丢弃。</translation>
    </message>
    <message>
        <source>This is sent as soon as the model is ready. Esc: not yet.</source>
        <translation>模型就绪后立即发送。按 Esc 暂不发送。</translation>
    </message>
    <message>
        <source>An answer is being written here: stop it with Esc, or wait for its end.</source>
        <translation>此处正在生成回答：按 Esc 停止，或等待其结束。</translation>
    </message>
    <message>
        <source>The text is as it was, and only the last answer can be continued: change the text to go on from here, or delete what follows.</source>
        <translation>文本没有改动，而只有最后一个回答可以继续：请修改文本以从此处继续，或删除其后的内容。</translation>
    </message>
    <message>
        <source>Saved as a version of its own: the answer as it was stays, with all that follows it. The arrows under the answer switch between them.</source>
        <translation>已另存为一个版本：原回答及其后的内容都保留着。可用回答下方的箭头切换。</translation>
    </message>
    <message>
        <source>New folder</source>
        <translation>新建文件夹</translation>
    </message>
    <message>
        <source>Temporary chat: nothing of it is written to the disk. It is gone once you show another chat or close the window.</source>
        <translation>临时对话：不会写入磁盘。显示其他对话或关闭窗口后，它就消失了。</translation>
    </message>
    <message>
        <source>“%1” is in the list again.</source>
        <translation>“%1”已回到列表中。</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>显示</translation>
    </message>
    <message>
        <source>Leave out the oldest</source>
        <translation>略去最早的内容</translation>
    </message>
    <message>
        <source>This message alone is longer than the model&apos;s context: shorten it.</source>
        <translation>仅这条消息就超出了模型的上下文：请缩短。</translation>
    </message>
    <message numerus="yes">
        <source>The context is full: the oldest %n exchanges will be left out of what the model reads. They stay in the chat, and the system prompt stays with the model.</source>
        <translation>
            <numerusform>上下文已满：模型将不再读取最早的 %n 轮问答。它们仍留在对话中，系统提示词也继续有效。</numerusform>
        </translation>
    </message>
    <message>
        <source>Stop instead</source>
        <translation>改为停止</translation>
    </message>
    <message>
        <source>The context is full: this does not fit any more. Leave out the oldest questions and answers from what the model reads, shorten it, or start a new chat.</source>
        <translation>上下文已满，放不下这条消息了。可以让模型不再读取最早的问答、缩短消息，或开始新对话。</translation>
    </message>
    <message numerus="yes">
        <source>The context is nearly full: the answer ends after %Ln tokens. The oldest questions and answers can be left out of what the model reads.</source>
        <translation>
            <numerusform>上下文快满了：回答将在 %Ln 个词元后结束。可以让模型不再读取最早的问答。</numerusform>
        </translation>
    </message>
    <message>
        <source>This was not sent, as it does not fit. What you wrote stays here.</source>
        <translation>放不下，因此没有发送。您写的内容仍在这里。</translation>
    </message>
</context>
<context>
    <name>switchyard::ChatTransfer</name>
    <message>
        <source>The system gives this program no further thread: close other programs.</source>
        <translation>系统不再给本程序更多线程：请关闭其他程序。</translation>
    </message>
    <message>
        <source>The chats cannot be read now: try again once they can be saved.</source>
        <translation>现在无法读取对话：等它们能够保存后再试。</translation>
    </message>
    <message>
        <source>%1 is not a file: choose another place.</source>
        <translation>%1 不是文件：请换一个位置。</translation>
    </message>
    <message>
        <source>The file cannot be written (%1): choose another place.</source>
        <translation>无法写入文件（%1）：请换一个位置。</translation>
    </message>
    <message>
        <source>The file cannot be written (%1): make room, or choose another place.</source>
        <translation>无法写入文件（%1）：请腾出空间，或换一个位置。</translation>
    </message>
    <message>
        <source>There is not enough memory to export these chats: close other programs.</source>
        <translation>内存不足，无法导出这些对话：请关闭其他程序。</translation>
    </message>
    <message>
        <source>The chats were not exported: %1.</source>
        <translation>对话没有导出：%1。</translation>
    </message>
    <message>
        <source>The chat is not there any more.</source>
        <translation>这个对话已经不在了。</translation>
    </message>
    <message>
        <source>The chats were not imported to their end: %1.</source>
        <translation>对话没有全部导入：%1。</translation>
    </message>
    <message>
        <source>its chats cannot be stored</source>
        <translation>其中的对话无法保存</translation>
    </message>
</context>
<context>
    <name>switchyard::ChatsPage</name>
    <message>
        <source>Context used</source>
        <translation>已用上下文</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>Chat page</source>
        <translation>对话页</translation>
    </message>
    <message>
        <source>Chat with the model</source>
        <translation>与模型对话</translation>
    </message>
    <message>
        <source>%1 is small: quick to try the dials with, often wrong, and weak in Chinese. Any GGUF file can be opened above.</source>
        <translation>%1 很小：适合快速试用旋钮，但常常出错，中文也弱。可以在上方打开任何 GGUF 文件。</translation>
    </message>
    <message>
        <source>Choose a model above, or open a GGUF file with %1.</source>
        <translation>请在上方选择模型，或按 %1 打开 GGUF 文件。</translation>
    </message>
    <message>
        <source>context %1 / %2</source>
        <translation>上下文 %1 / %2</translation>
    </message>
    <message>
        <source>For now the model is opened on the CPU.</source>
        <translation>模型目前在 CPU 上打开。</translation>
    </message>
    <message>
        <source>About %1 tokens/s here, and %2 on the CPU.</source>
        <translation>在这里约 %1 词元/秒，在 CPU 上 %2。</translation>
    </message>
    <message>
        <source>About %1 tokens/s here.</source>
        <translation>在这里约 %1 词元/秒。</translation>
    </message>
    <message>
        <source>%1 computes until the answer has ended.</source>
        <translation>在回答结束之前由 %1 计算。</translation>
    </message>
    <message>
        <source>The CPU</source>
        <translation>CPU</translation>
    </message>
    <message>
        <source>%1 gave its memory back, as nothing was asked for a while. It is loaded again with the next message.</source>
        <translation>%1 闲置了一段时间，已释放内存。发送下一条消息时会重新加载。</translation>
    </message>
</context>
<context>
    <name>switchyard::ClosingGuard</name>
    <message>
        <source>Not saved yet</source>
        <translation>尚未保存</translation>
    </message>
    <message>
        <source>What was written last is only in memory. It is saved by itself as soon as that is possible, and the program ends then.</source>
        <translation>最近写下的内容只在内存中。一旦可以保存就会自动保存，然后程序结束。</translation>
    </message>
    <message>
        <source>Close and lose it</source>
        <translation>关闭并放弃</translation>
    </message>
    <message>
        <source>Wait</source>
        <translation>等待</translation>
    </message>
    <message>
        <source>Do not close</source>
        <translation>不关闭</translation>
    </message>
</context>
<context>
    <name>switchyard::Composer</name>
    <message>
        <source>%1 is a folder: choose the text files in it.</source>
        <translation>%1 是文件夹：请选择其中的文本文件。</translation>
    </message>
    <message>
        <source>%1 cannot be read: %2.</source>
        <translation>无法读取 %1：%2。</translation>
    </message>
    <message>
        <source>Message</source>
        <translation>消息</translation>
    </message>
    <message>
        <source>Type a message</source>
        <translation>输入消息</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>发送</translation>
    </message>
    <message>
        <source>Enter</source>
        <translation>Enter</translation>
    </message>
    <message>
        <source>Ctrl+Enter</source>
        <translation>Ctrl+Enter</translation>
    </message>
    <message>
        <source>Send (%1)</source>
        <translation>发送 (%1)</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>%1 / %2 tokens: too long</source>
        <translation>%1 / %2 词元：太长</translation>
    </message>
    <message>
        <source>%1 / %2</source>
        <translation>%1 / %2</translation>
    </message>
    <message>
        <source>Tokens of this chat and of what you are writing, of all the model can hold</source>
        <translation>此对话和正在书写的内容的词元数，以及模型可容纳的总数</translation>
    </message>
    <message>
        <source>%1 of %2 tokens of context used</source>
        <translation>上下文已用 %1 / %2 词元</translation>
    </message>
    <message>
        <source>Remove %1</source>
        <translation>移除 %1</translation>
    </message>
    <message>
        <source>%1 is no file but a device or a pipe: choose a text file.</source>
        <translation>%1 不是文件，而是设备或管道：请选择文本文件。</translation>
    </message>
    <message>
        <source>An answer is being written: stop it with Esc, or send this after it.</source>
        <translation>正在生成回答：按 Esc 停止，或等它结束后再发送。</translation>
    </message>
    <message>
        <source>%1 is %2, more than the %3 a message can hold: paste the part that matters.</source>
        <translation>%1 的大小是 %2，超过一条消息可容纳的 %3：请粘贴需要的部分。</translation>
    </message>
    <message>
        <source>Pasted text</source>
        <translation>粘贴的文本</translation>
    </message>
    <message>
        <source>Pasted text %1</source>
        <translation>粘贴的文本 %1</translation>
    </message>
    <message>
        <source>What was pasted is %1, more than the %2 a message can hold: paste the part that matters.</source>
        <translation>粘贴的内容是 %1，超过一条消息可容纳的 %2：请粘贴需要的部分。</translation>
    </message>
    <message>
        <source>The files cannot be read now: %1.</source>
        <translation>现在无法读取这些文件：%1。</translation>
    </message>
    <message>
        <source>There is not enough memory to read %1.</source>
        <translation>内存不足，无法读取 %1。</translation>
    </message>
    <message>
        <source>Add text, PDF or office files</source>
        <translation>添加文本、PDF 或办公文件</translation>
    </message>
    <message>
        <source>%1 is of a kind that is not read: save it as DOCX, ODT, PPTX, XLSX or PDF.</source>
        <translation>不支持读取 %1 这种格式：请另存为 DOCX、ODT、PPTX、XLSX 或 PDF。</translation>
    </message>
    <message>
        <source>Add files</source>
        <translation>添加文件</translation>
    </message>
    <message>
        <source>%1 has %2 tokens, more than the %3 that the model can hold: paste the part that matters, or choose a model with a larger context.</source>
        <translation>%1 有 %2 个词元，超过模型可容纳的 %3 个：请只粘贴需要的部分，或选择上下文更大的模型。</translation>
    </message>
    <message numerus="yes">
        <source>%n tokens</source>
        <translation>
            <numerusform>%n 个词元</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 is written in an encoding that is not known here: save it as UTF-8.</source>
        <translation>无法识别 %1 的文字编码：请将其另存为 UTF-8。</translation>
    </message>
    <message>
        <source>%1 is not a text file: choose text, a PDF or a file of an office program.</source>
        <translation>%1 不是文本文件：请选择文本、PDF 或办公软件的文件。</translation>
    </message>
    <message>
        <source>%1, read as %2</source>
        <comment>a size, an encoding</comment>
        <translation>%1，按 %2 读取</translation>
    </message>
    <message>
        <source>Where its letters look wrong, save the file as UTF-8 and add it again.</source>
        <translation>如果其中的文字显示不正确，请将文件另存为 UTF-8 后重新添加。</translation>
    </message>
    <message>
        <source>There is no text in %1.</source>
        <translation>%1 中没有文字。</translation>
    </message>
</context>
<context>
    <name>switchyard::ControlRow</name>
    <message>
        <source>Progress of %1</source>
        <translation>进度：%1</translation>
    </message>
    <message>
        <source>as in the file</source>
        <translation>与文件相同</translation>
    </message>
    <message>
        <source>about %1 tokens/s</source>
        <translation>约 %1 词元/秒</translation>
    </message>
    <message>
        <source>no gain over the file</source>
        <translation>相比文件没有增益</translation>
    </message>
    <message>
        <source>Differs from the preset; double-click the slider to put the preset&apos;s value back</source>
        <translation>与预设不同；双击滑块恢复预设值</translation>
    </message>
    <message>
        <source>differs from the preset</source>
        <translation>与预设不同</translation>
    </message>
    <message>
        <source>Acts</source>
        <translation>生效时间</translation>
    </message>
    <message>
        <source>re-encoding %1 %</source>
        <translation>正在重新编码 %1 %</translation>
    </message>
    <message>
        <source>%1 to %2 tokens/s</source>
        <translation>%1 到 %2 词元/秒</translation>
    </message>
    <message>
        <source>%1 is the most this dial takes.</source>
        <translation>这个旋钮最大为 %1。</translation>
    </message>
    <message>
        <source>%1 is the least this dial takes.</source>
        <translation>这个旋钮最小为 %1。</translation>
    </message>
    <message>
        <source>%1 of VRAM</source>
        <translation>显存 %1</translation>
    </message>
    <message>
        <source>This device keeps no cache as %1: %2 is used instead.</source>
        <translation>此设备的缓存不能用 %1：改用 %2。</translation>
    </message>
    <message>
        <source>%1 → %2 t/s</source>
        <translation>%1 → %2 词元/秒</translation>
    </message>
    <message>
        <source>This answer ran at %1 tokens/s with %2, and at %3 with %4.</source>
        <translation>本回答在设为 %2 时为 %1 词元/秒，设为 %4 时为 %3 词元/秒。</translation>
    </message>
    <message>
        <source>with a full context</source>
        <translation>上下文用满时</translation>
    </message>
    <message>
        <source>experts %1 in RAM</source>
        <translation>专家 %1 在内存中</translation>
    </message>
</context>
<context>
    <name>switchyard::ConversationStore</name>
    <message>
        <source>Chats cannot be saved now (%1): they are kept in memory until they can.</source>
        <translation>现在无法保存对话（%1）：在可以保存之前，它们留在内存中。</translation>
    </message>
    <message>
        <source>The disk is full: chats are kept in memory until there is room. Make room and they are saved by themselves.</source>
        <translation>磁盘已满：对话留在内存中，直到有空间。腾出空间后会自动保存。</translation>
    </message>
    <message>
        <source>A change to a chat could not be stored (%1).</source>
        <translation>对话的一处更改无法保存（%1）。</translation>
    </message>
    <message>
        <source>Chats can be kept neither on the disk nor in memory (%1).</source>
        <translation>对话既无法保存到磁盘，也无法留在内存中（%1）。</translation>
    </message>
    <message>
        <source>Chats are saved again.</source>
        <translation>对话又可以保存了。</translation>
    </message>
    <message>
        <source>%1 cannot be written (%2): chats are kept in memory until it can.</source>
        <translation>无法写入 %1（%2）：在可以写入之前，对话保存在内存中。</translation>
    </message>
    <message>
        <source>%1 is damaged or no chat database (%2): it is left as it is and chats are kept in memory only. Move it away to start afresh.</source>
        <translation>%1 已损坏或不是对话数据库（%2）：文件保持原样，对话只保存在内存中。把它移走即可重新开始。</translation>
    </message>
    <message>
        <source>The folder %1 cannot be made: chats are kept in memory only. Choose another data folder in the settings.</source>
        <translation>无法建立文件夹 %1：对话只保存在内存中。请在设置中选择另一个数据文件夹。</translation>
    </message>
    <message>
        <source>%1 was written by a newer version of this program: it is left as it is and chats are kept in memory only. Update the program to see your chats.</source>
        <translation>%1 由本程序的更新版本写入：文件保持原样，对话只保存在内存中。请更新程序以查看您的对话。</translation>
    </message>
    <message>
        <source>The folder %1 cannot be written: chats are kept in memory only. Make it writable, or choose another data folder in the settings.</source>
        <translation>文件夹 %1 不可写：对话只保存在内存中。请使其可写，或在设置中选择另一个数据文件夹。</translation>
    </message>
    <message>
        <source>No copy of %1 could be made before bringing it up to date (is the disk full?): it is left as it is and chats are kept in memory only.</source>
        <translation>升级前无法为 %1 制作副本（磁盘已满？）：文件保持原样，对话只保存在内存中。</translation>
    </message>
    <message>
        <source>Another program is using %1: what is written is kept in memory and saved by itself as soon as the file is free.</source>
        <translation>另一个程序正在使用 %1：写下的内容先保存在内存中，文件空闲后会自动存盘。</translation>
    </message>
    <message>
        <source>Another window of this program uses the chats in %1: what is written here is kept in memory until that one is closed.</source>
        <translation>本程序的另一个窗口正在使用 %1 中的对话：在它关闭之前，这里写下的内容保存在内存中。</translation>
    </message>
    <message>
        <source>The computer %1 uses the chats in %2: what is written here is kept in memory until the program is closed there. If it does not run there any more, delete %3.</source>
        <translation>计算机 %1 正在使用 %2 中的对话：在那里的程序关闭之前，这里写下的内容保存在内存中。如果程序已不在那里运行，请删除 %3。</translation>
    </message>
    <message>
        <source>%1 is not this program&apos;s lock file or cannot be opened: chats are kept in memory until it is moved away.</source>
        <translation>%1 不是本程序的锁文件，或无法打开：在它被移走之前，对话保存在内存中。</translation>
    </message>
    <message>
        <source>it is a folder</source>
        <translation>它是一个文件夹</translation>
    </message>
    <message>
        <source>%1 is damaged or no chat database (%2): it is left as it is. What can be read of it is shown, and chats are kept in %3 from now on.</source>
        <translation>%1 已损坏或不是对话数据库（%2）：它保持原样。其中能读出的内容会显示出来，今后的对话保存在 %3 中。</translation>
    </message>
    <message>
        <source>the folder is gone</source>
        <translation>文件夹已不存在</translation>
    </message>
    <message>
        <source>a part of it cannot be read</source>
        <translation>其中一部分无法读取</translation>
    </message>
    <message>
        <source>Recovered chat</source>
        <translation>恢复的对话</translation>
    </message>
    <message>
        <source>The file of the chats, %1, was taken away (%2): chats are kept in memory until it can be written anew.</source>
        <translation>对话文件 %1 被移走了（%2）：在能够重新写入之前，对话保存在内存中。</translation>
    </message>
    <message>
        <source>%1 cannot be read now or is damaged: its chats are not shown. They are added as soon as it can be read.</source>
        <translation>%1 现在无法读取或已损坏：其中的对话暂不显示。一旦可以读取，就会自动并入。</translation>
    </message>
    <message>
        <source>The chats of %1 were added to %2, but it keeps its name (%3).</source>
        <translation>%1 中的对话已并入 %2，但该文件未能改名（%3）。</translation>
    </message>
    <message>
        <source>%1 and all further names are taken: move some away</source>
        <translation>%1 及其后的所有文件名都已被占用：请移走其中一些</translation>
    </message>
    <message>
        <source>The file of the chats, %1, was taken away or replaced while it was in use: your chats were written again and are added to what lies there.</source>
        <translation>对话文件 %1 在使用中被移走或替换：您的对话已重新写出，并会并入现在位于该处的文件。</translation>
    </message>
    <message>
        <source>%1 cannot be renamed to %2: %3</source>
        <translation>%1 无法改名为 %2：%3</translation>
    </message>
    <message>
        <source>The system gives this program no further thread: chats are neither shown nor saved until it does. Close other programs.</source>
        <translation>系统不再为本程序提供新线程：在此之前对话既不显示也不保存。请关闭其他程序。</translation>
    </message>
    <message>
        <source>there is not enough memory</source>
        <translation>内存不足</translation>
    </message>
    <message>
        <source>it is no file but a device or a pipe</source>
        <translation>它不是文件，而是设备或管道</translation>
    </message>
    <message>
        <source>%1 is damaged or no chat database (%2): it is left as it is. Nothing of it could be read, and chats are kept in %3 from now on. Put a sound copy in its place to see its chats again.</source>
        <translation>%1 已损坏或不是对话数据库（%2）：它保持原样。其中没有能读出的内容，今后的对话保存在 %3 中。把完好的副本放回原处，就能重新看到其中的对话。</translation>
    </message>
</context>
<context>
    <name>switchyard::DeletedChats</name>
    <message>
        <source>Back to the chats</source>
        <translation>返回对话列表</translation>
    </message>
    <message>
        <source>Recently deleted</source>
        <translation>最近删除</translation>
    </message>
    <message>
        <source>Recently deleted chats</source>
        <translation>最近删除的对话</translation>
    </message>
    <message>
        <source>Restore</source>
        <translation>恢复</translation>
    </message>
    <message>
        <source>Delete for good…</source>
        <translation>彻底删除…</translation>
    </message>
    <message>
        <source>Delete all…</source>
        <translation>全部删除…</translation>
    </message>
    <message>
        <source>Deletes all chats of this list for good</source>
        <translation>彻底删除此列表中的所有对话</translation>
    </message>
    <message>
        <source>Nothing was deleted lately.</source>
        <translation>最近没有删除任何对话。</translation>
    </message>
    <message numerus="yes">
        <source>Chats stay here for %n days and are not found by a search. Then they are deleted for good.</source>
        <translation>
            <numerusform>对话在这里保留 %n 天，搜索不会找到它们。之后将被彻底删除。</numerusform>
        </translation>
    </message>
    <message>
        <source>Delete “%1” for good?</source>
        <translation>彻底删除“%1”？</translation>
    </message>
    <message>
        <source>It cannot be brought back after that.</source>
        <translation>之后无法恢复。</translation>
    </message>
    <message>
        <source>Delete for good</source>
        <translation>彻底删除</translation>
    </message>
    <message numerus="yes">
        <source>Delete %n chat(s) for good?</source>
        <translation>
            <numerusform>彻底删除 %n 个对话？</numerusform>
        </translation>
    </message>
    <message>
        <source>They cannot be brought back after that.</source>
        <translation>之后无法恢复。</translation>
    </message>
    <message>
        <source>Delete all</source>
        <translation>全部删除</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>保留</translation>
    </message>
</context>
<context>
    <name>switchyard::DeletedChatsModel</name>
    <message>
        <source>MMM d</source>
        <translation>M 月 d 日</translation>
    </message>
    <message numerus="yes">
        <source>%1 · %n day(s) left</source>
        <translation>
            <numerusform>%1 · 还剩 %n 天</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 · goes at the next start</source>
        <translation>%1 · 下次启动时删除</translation>
    </message>
    <message>
        <source>%1, deleted %2</source>
        <translation>%1，删除于 %2</translation>
    </message>
</context>
<context>
    <name>switchyard::DevicePicker</name>
    <message>
        <source>Device</source>
        <translation>设备</translation>
    </message>
    <message>
        <source>Where the model is computed. Another one opens the model anew; the chat stays.</source>
        <translation>模型在哪里计算。换一个设备会重新打开模型；对话保留。</translation>
    </message>
    <message>
        <source>for this model only</source>
        <translation>仅用于此模型</translation>
    </message>
    <message>
        <source>Other models keep the device that is chosen for all</source>
        <translation>其他模型仍用为所有模型选择的设备</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>自动</translation>
    </message>
    <message>
        <source>CPU</source>
        <translation>CPU</translation>
    </message>
    <message>
        <source>Card</source>
        <translation>显卡</translation>
    </message>
    <message>
        <source>not on this machine</source>
        <translation>不在这台机器上</translation>
    </message>
    <message>
        <source>No card can be used: %1.</source>
        <translation>没有可用的显卡：%1。</translation>
    </message>
    <message>
        <source>As for all models: %1</source>
        <translation>与所有模型一致：%1</translation>
    </message>
    <message>
        <source>The chosen card cannot be used: %1.</source>
        <translation>所选的显卡无法使用：%1。</translation>
    </message>
</context>
<context>
    <name>switchyard::Devices</name>
    <message>
        <source>a device chosen automatically</source>
        <translation>自动选择的设备</translation>
    </message>
    <message>
        <source>the CPU</source>
        <translation>CPU</translation>
    </message>
</context>
<context>
    <name>switchyard::DownloadRow</name>
    <message numerus="yes">
        <source>%n second(s) left</source>
        <translation>
            <numerusform>还剩 %n 秒</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n minute(s) left</source>
        <translation>
            <numerusform>还剩 %n 分钟</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n hour(s) left</source>
        <translation>
            <numerusform>还剩 %n 小时</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 / %2</translation>
    </message>
    <message>
        <source>Waits for its turn</source>
        <translation>等待中</translation>
    </message>
    <message>
        <source>%1/s</source>
        <translation>%1/秒</translation>
    </message>
    <message>
        <source>Paused · %1</source>
        <translation>已暂停 · %1</translation>
    </message>
    <message>
        <source>Done, and checked by its SHA-256.</source>
        <translation>已完成，并通过 SHA-256 校验。</translation>
    </message>
    <message>
        <source>Done. No SHA-256 was announced to check it by.</source>
        <translation>已完成。服务器没有公布 SHA-256，无法校验。</translation>
    </message>
    <message>
        <source>Cancelled; what had come was removed.</source>
        <translation>已取消；已下载的部分已删除。</translation>
    </message>
    <message>
        <source>Progress of %1</source>
        <translation>%1 的进度</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>暂停</translation>
    </message>
    <message>
        <source>Go on</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>加载</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
</context>
<context>
    <name>switchyard::DownloadRun</name>
    <message>
        <source>%1 cannot be written: %2</source>
        <translation>无法写入 %1：%2</translation>
    </message>
    <message>
        <source>The package index no longer has %1 %2.</source>
        <translation>软件包索引中已没有 %1 %2。</translation>
    </message>
    <message>
        <source>The package %1 is not the expected one (its size or SHA-256 differs). It was removed: fetch it again.</source>
        <translation>软件包 %1 与预期不符（大小或 SHA-256 不同），已删除：请重新下载。</translation>
    </message>
    <message>
        <source>%1 cannot be written: %2. What came is kept: make room, then go on.</source>
        <translation>无法写入 %1：%2。已下载的部分会保留：请腾出空间后继续。</translation>
    </message>
    <message>
        <source>The joined file %1 is not the expected one (its SHA-256 differs), and was removed: fetch it again.</source>
        <translation>拼接成的文件 %1 与预期不符（SHA-256 不同），已删除：请重新下载。</translation>
    </message>
    <message>
        <source>%1 is there already, and is not overwritten.</source>
        <translation>%1 已经存在，不会被覆盖。</translation>
    </message>
    <message>
        <source>The folder %1 cannot be made.</source>
        <translation>无法创建文件夹 %1。</translation>
    </message>
    <message>
        <source>%1 cannot be given its name: %2</source>
        <translation>无法给 %1 命名：%2</translation>
    </message>
</context>
<context>
    <name>switchyard::Downloads</name>
    <message>
        <source>The server&apos;s name for the file is none that can be stored.</source>
        <translation>服务器给出的文件名无法用来保存文件。</translation>
    </message>
    <message>
        <source>%1 is being fetched already.</source>
        <translation>%1 已在下载中。</translation>
    </message>
    <message>
        <source>Nothing can be fetched now: %1</source>
        <translation>现在无法下载：%1</translation>
    </message>
</context>
<context>
    <name>switchyard::EmptyState</name>
    <message>
        <source>What would you like to ask?</source>
        <translation>想问点什么？</translation>
    </message>
    <message>
        <source>Explain how a mixture of experts decides which experts to use.</source>
        <translation>解释混合专家模型如何决定使用哪些专家。</translation>
    </message>
    <message>
        <source>Write a short poem about a railway switchyard at night.</source>
        <translation>写一首关于夜晚铁路编组站的短诗。</translation>
    </message>
    <message>
        <source>Give me a Python function that finds the prime numbers below n.</source>
        <translation>给我一个求小于 n 的素数的 Python 函数。</translation>
    </message>
    <message>
        <source>Move a dial at the right while an answer streams: the next token obeys it.</source>
        <translation>回答生成时移动右侧的旋钮：下一个词元就会照办。</translation>
    </message>
    <message>
        <source>The plots below show what each move did to speed and memory.</source>
        <translation>下方的图表显示每次调整对速度和内存的影响。</translation>
    </message>
    <message>
        <source>Chats stay on this machine, and each word is saved as it comes. F1 shows the keys.</source>
        <translation>对话只留在这台电脑上，每个字一出现就保存。按 F1 查看快捷键。</translation>
    </message>
</context>
<context>
    <name>switchyard::FileFetch</name>
    <message>
        <source>%1 is in the way: remove it.</source>
        <translation>%1 占用了这个名称：请将它移走。</translation>
    </message>
    <message>
        <source>%1 cannot be written: %2</source>
        <translation>无法写入 %1：%2</translation>
    </message>
    <message>
        <source>%1 cannot be read: %2</source>
        <translation>无法读取 %1：%2</translation>
    </message>
    <message>
        <source>%1 needs %2 more on the disk, %3 are free: make room, then go on.</source>
        <translation>%1 还需要 %2 磁盘空间，现有 %3 可用：请腾出空间后继续。</translation>
    </message>
    <message>
        <source>%1 does not say how large %2 is: it is not fetched.</source>
        <translation>%1 没有说明 %2 的大小：不会下载。</translation>
    </message>
    <message>
        <source>%1 has %2 with %3 bytes, its list says %4: it is not fetched. Look at the list again.</source>
        <translation>%1 上的 %2 有 %3 字节，而列表中写的是 %4：不会下载。请重新打开列表。</translation>
    </message>
    <message>
        <source>%1 has become another file meanwhile: try again.</source>
        <translation>%1 在此期间变成了另一个文件：请重试。</translation>
    </message>
    <message>
        <source>%1 sends more than %2 has: what came was removed.</source>
        <translation>%1 发送的内容超过了 %2 的大小：已下载的部分已删除。</translation>
    </message>
    <message>
        <source>%1 cannot be written: %2. What came is kept: make room, then go on.</source>
        <translation>无法写入 %1：%2。已下载的部分会保留：请腾出空间后继续。</translation>
    </message>
    <message>
        <source>The connection broke off.</source>
        <translation>连接中断了。</translation>
    </message>
    <message>
        <source>What came as %1 is not the announced file (its SHA-256 differs), and was removed: fetch it again.</source>
        <translation>下载到的 %1 不是所公布的文件（SHA-256 不同），已删除：请重新下载。</translation>
    </message>
    <message>
        <source>%1 is there already, and is not overwritten.</source>
        <translation>%1 已经存在，不会被覆盖。</translation>
    </message>
    <message>
        <source>%1 says that %2 has %3 bytes: it is not fetched.</source>
        <translation>%1 称 %2 的大小为 %3 字节：未下载。</translation>
    </message>
    <message>
        <source>What %1 sent is not %2, but perhaps a page to sign in to the network: look there with a browser, then go on.</source>
        <translation>%1 发来的不是 %2，可能是网络的登录页面：请先用浏览器查看，然后继续。</translation>
    </message>
</context>
<context>
    <name>switchyard::FindBar</name>
    <message>
        <source>Find in this chat</source>
        <translation>在此对话中查找</translation>
    </message>
    <message>
        <source>Previous match (Shift+Enter)</source>
        <translation>上一处 (Shift+Enter)</translation>
    </message>
    <message>
        <source>Next match (Enter)</source>
        <translation>下一处 (Enter)</translation>
    </message>
    <message>
        <source>Close (Esc)</source>
        <translation>关闭 (Esc)</translation>
    </message>
    <message>
        <source>not found</source>
        <translation>未找到</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 / %2</translation>
    </message>
</context>
<context>
    <name>switchyard::FindModels</name>
    <message>
        <source>Words, a model&apos;s name, or an address</source>
        <translation>关键词、模型名称或网址</translation>
    </message>
    <message>
        <source>Words (qwen3 coder), a name (owner/model), or an address (https://…)</source>
        <translation>关键词（qwen3 coder）、名称（owner/model）或网址（https://…）</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>搜索</translation>
    </message>
    <message>
        <source>Well known, one click away</source>
        <translation>常用模型，一键下载</translation>
    </message>
    <message>
        <source>Models that were found</source>
        <translation>找到的模型</translation>
    </message>
    <message>
        <source>Files of the model</source>
        <translation>模型的文件</translation>
    </message>
    <message>
        <source>Download</source>
        <translation>下载</translation>
    </message>
    <message>
        <source>Choose a model to see its files, and which of them fit this machine.</source>
        <translation>选择一个模型，查看它的文件以及哪些适合本机。</translation>
    </message>
    <message>
        <source>Asking for the files of %1…</source>
        <translation>正在查询 %1 的文件…</translation>
    </message>
    <message>
        <source>Search asks %1, and only when you press it. Downloads come to %2.</source>
        <translation>只有在您点击“搜索”时才会访问 %1。下载的文件保存在 %2。</translation>
    </message>
    <message>
        <source>Searching %1 for “%2”…</source>
        <translation>正在 %1 上搜索“%2”…</translation>
    </message>
    <message>
        <source>%1 is fetched from %2. Its size and place are looked at first.</source>
        <translation>正在从 %2 下载 %1。会先检查大小和磁盘空间。</translation>
    </message>
    <message>
        <source>%1 has no GGUF models for “%2”. Try fewer or other words.</source>
        <translation>%1 上没有与“%2”相符的 GGUF 模型。请减少或更换关键词。</translation>
    </message>
    <message numerus="yes">
        <source>%n model(s) for “%1”, the most used first.</source>
        <translation>
            <numerusform>找到 %n 个与“%1”相符的模型，下载最多的排在前面。</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 parameters</source>
        <translation>%1 参数</translation>
    </message>
    <message>
        <source>context %1</source>
        <translation>上下文 %1</translation>
    </message>
    <message>
        <source>licence not said</source>
        <translation>未注明许可证</translation>
    </message>
    <message>
        <source>licence: %1</source>
        <translation>许可证：%1</translation>
    </message>
    <message>
        <source>its licence has to be accepted on its page first</source>
        <translation>需要先在其页面上接受许可证</translation>
    </message>
    <message>
        <source>%1 has no GGUF or safetensors files that can be used here.</source>
        <translation>%1 没有可在这里使用的 GGUF 或 safetensors 文件。</translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) of %1.</source>
        <translation>
            <numerusform>%1 有 %n 个文件。</numerusform>
        </translation>
    </message>
    <message>
        <source>On this machine</source>
        <translation>本机</translation>
    </message>
    <message>
        <source>Downloading…</source>
        <translation>正在下载…</translation>
    </message>
    <message>
        <source>Download %1</source>
        <translation>下载 %1</translation>
    </message>
    <message>
        <source>The hub has no SHA-256 of it: what comes cannot be checked by one.</source>
        <translation>模型库没有它的 SHA-256：下载后无法校验。</translation>
    </message>
    <message>
        <source>SHA-256: %1</source>
        <translation>SHA-256：%1</translation>
    </message>
    <message>
        <source>Each of its files of weights is checked by the hub&apos;s SHA-256.</source>
        <translation>每个权重文件都会按模型库的 SHA-256 校验。</translation>
    </message>
</context>
<context>
    <name>switchyard::FirstModel</name>
    <message>
        <source>There is no model yet. This one is free (%1), small, and answers on this machine alone.</source>
        <translation>还没有模型。这个模型免费（%1）、体积小，只在本机上运行。</translation>
    </message>
    <message>
        <source>Download %1, %2</source>
        <translation>下载 %1，%2</translation>
    </message>
    <message>
        <source>Without a network: put a GGUF file, %1 or another one, into %2. It is found there by itself.</source>
        <translation>没有网络时：请把一个 GGUF 文件（%1 或其他文件）放入 %2，程序会自动找到它。</translation>
    </message>
    <message>
        <source>There is no model yet.</source>
        <translation>还没有模型。</translation>
    </message>
    <message>
        <source>Put a GGUF file into %1. It is found there by itself.</source>
        <translation>请把一个 GGUF 文件放入 %1，程序会自动找到它。</translation>
    </message>
</context>
<context>
    <name>switchyard::FolderList</name>
    <message>
        <source>Model folders</source>
        <translation>模型文件夹</translation>
    </message>
    <message>
        <source>Add folder…</source>
        <translation>添加文件夹…</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Takes the folder off the list; its files stay</source>
        <translation>从列表中移除文件夹；其中的文件保留</translation>
    </message>
    <message>
        <source>Folder with models</source>
        <translation>含有模型的文件夹</translation>
    </message>
    <message>
        <source>%1 (always searched)</source>
        <translation>%1（总是搜索）</translation>
    </message>
</context>
<context>
    <name>switchyard::Hub</name>
    <message>
        <source>This is no https address of a hub, like https://hf-mirror.com.</source>
        <translation>这不是模型库的 https 地址，例如 https://hf-mirror.com。</translation>
    </message>
    <message>
        <source>%1 sent an answer that is not understood. Is it a model hub?</source>
        <translation>无法理解 %1 的回答。它是模型库吗？</translation>
    </message>
    <message>
        <source>%1 is no name of the hub&apos;s, like owner/name.</source>
        <translation>%1 不是模型库中的名称，例如 owner/name。</translation>
    </message>
    <message>
        <source>The answer cannot be read: the system gives this program no further thread. End other programs, then try again.</source>
        <translation>无法读取应答：系统不再为本程序提供线程。请关闭其他程序后重试。</translation>
    </message>
    <message>
        <source>“%1” is a place on this machine, and the hub has none of its files: open a model file from the File menu, or type words, a name (owner/model) or an address (https://…).</source>
        <translation>“%1”是本机上的位置，模型库中没有本机的文件：请从“文件”菜单打开模型文件，或者输入关键词、名称（owner/model）或网址（https://…）。</translation>
    </message>
    <message>
        <source>“%1” has nothing to search for: type words, a name (owner/model) or an address (https://…).</source>
        <translation>“%1”中没有可搜索的内容：请输入关键词、名称（owner/model）或网址（https://…）。</translation>
    </message>
</context>
<context>
    <name>switchyard::HubFiles</name>
    <message>
        <source>fits the card</source>
        <translation>显卡可容纳</translation>
    </message>
    <message>
        <source>fits in memory</source>
        <translation>内存可容纳</translation>
    </message>
    <message>
        <source>a tight fit</source>
        <translation>勉强可容纳</translation>
    </message>
    <message>
        <source>too large here</source>
        <translation>超出本机容量</translation>
    </message>
    <message>
        <source>%1 t/s</source>
        <translation>%1 t/s</translation>
    </message>
    <message>
        <source>%1–%2 t/s</source>
        <translation>%1–%2 t/s</translation>
    </message>
    <message numerus="yes">
        <source>Folder of %n file(s)</source>
        <translation>
            <numerusform>含 %n 个文件的文件夹</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 (%n parts)</source>
        <translation>
            <numerusform>%1（%n 个部分）</numerusform>
        </translation>
    </message>
    <message>
        <source>best here</source>
        <translation>最适合本机</translation>
    </message>
    <message>
        <source>Expected by this machine&apos;s memory and by what answers took so far.</source>
        <translation>根据本机内存速度和以往回答的用时估计。</translation>
    </message>
    <message>
        <source>By the size of the file, with room for a conversation. Where it is a tight fit, close other programs. Loading counts exactly.</source>
        <translation>按文件大小估计，并为对话留出空间。勉强可容纳时，请关闭其他程序。加载时会精确计算。</translation>
    </message>
    <message>
        <source>File</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>Precision</source>
        <translation>精度</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>On this machine</source>
        <translation>本机</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>速度</translation>
    </message>
</context>
<context>
    <name>switchyard::HubResults</name>
    <message>
        <source>%1 downloads</source>
        <translation>%1 次下载</translation>
    </message>
    <message>
        <source>licence to be accepted there</source>
        <translation>需在其页面接受许可证</translation>
    </message>
</context>
<context>
    <name>switchyard::HubSettings</name>
    <message>
        <source>Model hub</source>
        <translation>模型库</translation>
    </message>
    <message>
        <source>Address of the model hub</source>
        <translation>模型库地址</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>地址</translation>
    </message>
    <message>
        <source>Access token of the hub</source>
        <translation>模型库访问令牌</translation>
    </message>
    <message>
        <source>only for models that ask for it</source>
        <translation>仅用于需要它的模型</translation>
    </message>
    <message>
        <source>Use</source>
        <translation>使用</translation>
    </message>
    <message>
        <source>Use this access token</source>
        <translation>使用此访问令牌</translation>
    </message>
    <message>
        <source>Forget</source>
        <translation>忘记</translation>
    </message>
    <message>
        <source>Forget the access token</source>
        <translation>忘记访问令牌</translation>
    </message>
    <message>
        <source>Access token</source>
        <translation>访问令牌</translation>
    </message>
    <message>
        <source>Where models are searched and fetched. Another one can be a mirror of it, like https://hf-mirror.com.</source>
        <translation>在这里搜索和下载模型。也可以填写镜像，例如 https://hf-mirror.com。</translation>
    </message>
    <message>
        <source>This is no access token: it is one word, like hf_AbC123.</source>
        <translation>这不是访问令牌：令牌是一个词，例如 hf_AbC123。</translation>
    </message>
    <message>
        <source>A token is in use, and kept in the keyring.</source>
        <translation>正在使用令牌，并保存在密钥环中。</translation>
    </message>
    <message>
        <source>A token is in use until the program ends, and asked for again then: the desktop&apos;s keyring cannot be used.</source>
        <translation>令牌在程序结束前有效，下次启动时需要重新输入：无法使用桌面的密钥环。</translation>
    </message>
    <message>
        <source>It is sent to huggingface.co alone, never to a mirror or to where an address leads.</source>
        <translation>令牌只会发送给 huggingface.co，不会发送给镜像或跳转到的地址。</translation>
    </message>
</context>
<context>
    <name>switchyard::InsightPanel</name>
    <message>
        <source>Speed</source>
        <translation>速度</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>Insight</source>
        <translation>洞察</translation>
    </message>
    <message>
        <source>Fold Insight</source>
        <translation>折叠洞察</translation>
    </message>
    <message>
        <source>Speed and memory of each token appear here while an answer is written.</source>
        <translation>书写回答时，每个词元的速度和内存会显示在这里。</translation>
    </message>
    <message>
        <source>The card: temperature, power and clocks</source>
        <translation>显卡：温度、功率和频率</translation>
    </message>
    <message>
        <source>Temperature, power and clocks of the card, as its driver tells</source>
        <translation>显卡的温度、功率和频率，以驱动报告为准</translation>
    </message>
    <message>
        <source>%1 °C</source>
        <translation>%1 °C</translation>
    </message>
    <message>
        <source>%1 of %2 W</source>
        <translation>%1 / %2 W</translation>
    </message>
    <message>
        <source>%1 W</source>
        <translation>%1 W</translation>
    </message>
    <message>
        <source>%1 MHz</source>
        <translation>%1 MHz</translation>
    </message>
    <message>
        <source>memory %1 MHz</source>
        <translation>显存 %1 MHz</translation>
    </message>
</context>
<context>
    <name>switchyard::JobsButton</name>
    <message>
        <source>Jobs</source>
        <translation>任务</translation>
    </message>
    <message>
        <source>Opens the list of jobs</source>
        <translation>打开任务列表</translation>
    </message>
    <message numerus="yes">
        <source>%n job(s) failed</source>
        <translation>
            <numerusform>%n 个任务失败</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n job(s) done</source>
        <translation>
            <numerusform>%n 个任务完成</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n download(s) paused</source>
        <translation>
            <numerusform>%n 个下载已暂停</numerusform>
        </translation>
    </message>
    <message>
        <source>Downloading %1</source>
        <translation>正在下载 %1</translation>
    </message>
    <message numerus="yes">
        <source>%n downloads</source>
        <translation>
            <numerusform>%n 个下载</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::JobsPanel</name>
    <message>
        <source>Carving %1</source>
        <translation>正在雕刻 %1</translation>
    </message>
    <message>
        <source>Writing %1 in %2</source>
        <translation>正在把 %1 写成 %2</translation>
    </message>
    <message>
        <source>Waits for its turn</source>
        <translation>排队等候</translation>
    </message>
    <message>
        <source>Starting</source>
        <translation>正在开始</translation>
    </message>
    <message>
        <source>%1 · %2 %</source>
        <translation>%1 · %2 %</translation>
    </message>
    <message>
        <source>Done: %1</source>
        <translation>完成：%1</translation>
    </message>
    <message>
        <source>Stopped; nothing was written.</source>
        <translation>已停止，没有写入任何内容。</translation>
    </message>
    <message>
        <source>Jobs</source>
        <translation>任务</translation>
    </message>
    <message>
        <source>Progress of %1</source>
        <translation>进度：%1</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Cancel %1</source>
        <translation>取消“%1”</translation>
    </message>
</context>
<context>
    <name>switchyard::KeysWindow</name>
    <message>
        <source>Keys</source>
        <translation>快捷键</translation>
    </message>
</context>
<context>
    <name>switchyard::KnownList</name>
    <message>
        <source>Very small and quick: to try the dials with. It knows little.</source>
        <translation>非常小而快：适合试用各种调节项，但知识很少。</translation>
    </message>
    <message>
        <source>A good beginning: quick on any machine, answers in English and Chinese, writes code.</source>
        <translation>适合入门：在任何机器上都很快，能用英文和中文回答，也能写代码。</translation>
    </message>
    <message>
        <source>Slower and noticeably better: for code and longer answers.</source>
        <translation>较慢但明显更好：适合写代码和较长的回答。</translation>
    </message>
    <message>
        <source>Download %1</source>
        <translation>下载 %1</translation>
    </message>
    <message>
        <source>On this machine</source>
        <translation>本机</translation>
    </message>
    <message>
        <source>Downloading…</source>
        <translation>正在下载…</translation>
    </message>
    <message>
        <source>Download</source>
        <translation>下载</translation>
    </message>
</context>
<context>
    <name>switchyard::LivePlot</name>
    <message>
        <source>token</source>
        <translation>词元</translation>
    </message>
    <message>
        <source>seconds of work</source>
        <translation>工作秒数</translation>
    </message>
    <message>
        <source>Save as PNG…</source>
        <translation>另存为 PNG…</translation>
    </message>
    <message>
        <source>Image (*.png)</source>
        <translation>图像 (*.png)</translation>
    </message>
    <message>
        <source>Save as SVG…</source>
        <translation>另存为 SVG…</translation>
    </message>
    <message>
        <source>Drawing (*.svg)</source>
        <translation>矢量图 (*.svg)</translation>
    </message>
    <message>
        <source>Save as CSV…</source>
        <translation>另存为 CSV…</translation>
    </message>
    <message>
        <source>Table (*.csv)</source>
        <translation>表格 (*.csv)</translation>
    </message>
    <message>
        <source>Over tokens</source>
        <translation>按词元</translation>
    </message>
    <message>
        <source>Over seconds</source>
        <translation>按秒</translation>
    </message>
    <message>
        <source>Show all again</source>
        <translation>重新显示全部</translation>
    </message>
    <message>
        <source>Save the plot</source>
        <translation>保存图表</translation>
    </message>
    <message>
        <source>%1 cannot be written: %2</source>
        <translation>无法写入 %1：%2</translation>
    </message>
    <message>
        <source>%1 cannot be written as an image.</source>
        <translation>%1 无法写为图像。</translation>
    </message>
</context>
<context>
    <name>switchyard::MainWindow</name>
    <message>
        <source>About Switchyard</source>
        <translation>关于 Switchyard</translation>
    </message>
    <message>
        <source>Open a model file</source>
        <translation>打开模型文件</translation>
    </message>
    <message>
        <source>Models (*.gguf)</source>
        <translation>模型 (*.gguf)</translation>
    </message>
    <message>
        <source>Chat with mixture-of-experts models and tune them while they talk. Everything runs on this machine. The network is asked only for models that you search for or download.

GPL-3.0-or-later.</source>
        <translation>与混合专家模型对话，并在它们回答时调节。一切都在本机运行，只有在您搜索或下载模型时才会访问网络。

GPL-3.0-or-later。</translation>
    </message>
</context>
<context>
    <name>switchyard::MemoryPlot</name>
    <message>
        <source>Memory plot</source>
        <translation>内存图</translation>
    </message>
    <message>
        <source>Memory of the weights, the KV cache, scratch space and the rest, stacked</source>
        <translation>权重、KV 缓存、暂存空间和其余部分的内存，堆叠显示</translation>
    </message>
    <message>
        <source>weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>KV cache</source>
        <translation>KV 缓存</translation>
    </message>
    <message>
        <source>scratch</source>
        <translation>暂存</translation>
    </message>
    <message>
        <source>other</source>
        <translation>其他</translation>
    </message>
    <message>
        <source>GiB</source>
        <translation>GiB</translation>
    </message>
    <message>
        <source>RAM %1, %2 available</source>
        <translation>内存 %1，可用 %2</translation>
    </message>
    <message>
        <source>token %1: %2 in all
weights %3 · KV %4 · scratch %5 · other %6</source>
        <translation>词元 %1：共 %2
权重 %3 · KV %4 · 暂存 %5 · 其他 %6</translation>
    </message>
    <message>
        <source>RAM</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>VRAM %1 of %2, %3 free</source>
        <translation>显存 %1 / %2，空闲 %3</translation>
    </message>
    <message>
        <source>token %1: %2 on the card
weights %3 · KV %4 · scratch %5
RAM of the program %6</source>
        <translation>第 %1 个词元：显卡上 %2
权重 %3 · KV %4 · 临时 %5
程序占用内存 %6</translation>
    </message>
</context>
<context>
    <name>switchyard::MessageEditor</name>
    <message>
        <source>Edit the question</source>
        <translation>编辑提问</translation>
    </message>
    <message>
        <source>Edit the answer</source>
        <translation>编辑回答</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Ask again</source>
        <translation>重新提问</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>The question as it was stays as another version</source>
        <translation>原来的提问保留为另一个版本</translation>
    </message>
    <message>
        <source>Save and continue</source>
        <translation>保存并继续</translation>
    </message>
    <message>
        <source>Throws the change away; Esc keeps it for later</source>
        <translation>丢弃修改；按 Esc 则保留以便稍后继续</translation>
    </message>
    <message>
        <source>Earlier part</source>
        <translation>前一部分</translation>
    </message>
    <message>
        <source>Later part</source>
        <translation>后一部分</translation>
    </message>
    <message>
        <source>Characters %1 to %2 of %3; the others stay as they are.</source>
        <translation>第 %1 至 %2 个字符，共 %3 个；其余保持不变。</translation>
    </message>
    <message>
        <source>The answer as it was stays as another version</source>
        <translation>原回答会作为另一个版本保留</translation>
    </message>
</context>
<context>
    <name>switchyard::MessageTools</name>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Answer again with a new seed</source>
        <translation>用新种子重新回答</translation>
    </message>
    <message>
        <source>Edit</source>
        <translation>编辑</translation>
    </message>
    <message>
        <source>Previous version</source>
        <translation>上一个版本</translation>
    </message>
    <message>
        <source>Next version</source>
        <translation>下一个版本</translation>
    </message>
    <message>
        <source>Continue this answer</source>
        <translation>继续此回答</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>More</source>
        <translation>更多</translation>
    </message>
    <message>
        <source>Run again exactly</source>
        <translation>完全重新运行</translation>
    </message>
    <message>
        <source>The same settings, seed and dial moves, as a new version</source>
        <translation>相同的设置、种子和旋钮移动，作为新版本</translation>
    </message>
    <message>
        <source>Version %1 of %2</source>
        <translation>版本 %1 / %2</translation>
    </message>
    <message>
        <source>Edit and ask again</source>
        <translation>编辑并重新提问</translation>
    </message>
    <message>
        <source>Edit this answer</source>
        <translation>编辑此回答</translation>
    </message>
    <message>
        <source>In force: %1</source>
        <translation>生效设置：%1</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
    <message>
        <source>Answer this question</source>
        <translation>回答此问题</translation>
    </message>
    <message>
        <source>Go on with the change you began</source>
        <translation>继续已开始的修改</translation>
    </message>
    <message>
        <source>Copy as text</source>
        <translation>复制为文本</translation>
    </message>
    <message>
        <source>As it is shown, formulas as TeX</source>
        <translation>按显示的样子复制，公式为 TeX</translation>
    </message>
    <message>
        <source>Copy as Markdown</source>
        <translation>复制为 Markdown</translation>
    </message>
    <message>
        <source>As it was written, with its marks</source>
        <translation>按原文复制，保留标记</translation>
    </message>
    <message>
        <source>The prompt as sent</source>
        <translation>实际发送的提示词</translation>
    </message>
    <message>
        <source>The text and the special tokens that the model read before this answer</source>
        <translation>模型在此回答之前读取的文字和特殊词元</translation>
    </message>
    <message>
        <source>Answer again with</source>
        <translation>换模型重新回答</translation>
    </message>
    <message>
        <source>Another model answers this question, as a new version</source>
        <translation>由另一个模型回答这个问题，作为新版本</translation>
    </message>
    <message>
        <source>Version %1 of %2, by %3</source>
        <translation>第 %1 个版本，共 %2 个，由 %3 生成</translation>
    </message>
</context>
<context>
    <name>switchyard::ModelCard</name>
    <message>
        <source>Compute SHA-256</source>
        <translation>计算 SHA-256</translation>
    </message>
    <message>
        <source>How it is loaded…</source>
        <translation>加载方式…</translation>
    </message>
    <message>
        <source>SHA-256 of the file</source>
        <translation>文件的 SHA-256</translation>
    </message>
    <message>
        <source>Longest conversation, in tokens</source>
        <translation>对话的最大长度（词元）</translation>
    </message>
    <message>
        <source>as the model says</source>
        <translation>按模型设定</translation>
    </message>
    <message>
        <source>Threads on the processor</source>
        <translation>处理器线程数</translation>
    </message>
    <message>
        <source>one a core</source>
        <translation>每核一个</translation>
    </message>
    <message>
        <source>Minutes without an answer, after which its memory is given back</source>
        <translation>闲置多少分钟后释放内存</translation>
    </message>
    <message>
        <source>never</source>
        <translation>从不</translation>
    </message>
    <message>
        <source> min</source>
        <translation> 分钟</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>Threads</source>
        <translation>线程</translation>
    </message>
    <message>
        <source>Unload idle</source>
        <translation>闲置卸载</translation>
    </message>
    <message>
        <source>Lock in memory, where the system allows it</source>
        <translation>锁定在内存中（如果系统允许）</translation>
    </message>
    <message>
        <source>Move to the trash</source>
        <translation>移到回收站</translation>
    </message>
    <message>
        <source>Keep it</source>
        <translation>保留</translation>
    </message>
    <message>
        <source>Its files name no licence.</source>
        <translation>文件中没有注明许可证。</translation>
    </message>
    <message>
        <source>Licence: %1</source>
        <translation>许可证：%1</translation>
    </message>
    <message>
        <source>Computing… %1 %</source>
        <translation>正在计算… %1 %</translation>
    </message>
    <message>
        <source>The file cannot be read.</source>
        <translation>无法读取文件。</translation>
    </message>
    <message>
        <source>All but the idle time acts when it is loaded the next time: it is in use now.</source>
        <translation>除闲置时间外，其余设置在下次加载时生效：模型正在使用中。</translation>
    </message>
    <message>
        <source>Acts when it is loaded. With the next message an unloaded model comes back by itself.</source>
        <translation>加载时生效。被卸载的模型会在发送下一条消息时自动恢复。</translation>
    </message>
    <message>
        <source>Choose a model.</source>
        <translation>请选择一个模型。</translation>
    </message>
    <message>
        <source>It belongs to %1: delete it there.</source>
        <translation>它属于 %1：请在那里删除。</translation>
    </message>
    <message>
        <source>It is in use: load another one first.</source>
        <translation>它正在使用中：请先加载另一个模型。</translation>
    </message>
    <message>
        <source>The folder %1 (%2) goes to the trash, with all that is in it.</source>
        <translation>文件夹 %1（%2）及其全部内容将移到回收站。</translation>
    </message>
    <message numerus="yes">
        <source>%1 (%n parts, %2) goes to the trash.</source>
        <translation>
            <numerusform>%1（%n 个部分，%2）将移到回收站。</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 (%2) goes to the trash.</source>
        <translation>%1（%2）将移到回收站。</translation>
    </message>
</context>
<context>
    <name>switchyard::ModelLibrary</name>
    <message>
        <source>%1 cannot be read: %2</source>
        <translation>无法读取 %1：%2</translation>
    </message>
</context>
<context>
    <name>switchyard::ModelLoading</name>
    <message>
        <source>%1 was not loaded: %2. %3 stays in use.</source>
        <translation>未加载 %1：%2。继续使用 %3。</translation>
    </message>
    <message>
        <source>%1 is loaded when the answer has ended.</source>
        <translation>回答结束后将加载 %1。</translation>
    </message>
    <message>
        <source>Load now, stopping the answer</source>
        <translation>停止回答，立即加载</translation>
    </message>
    <message>
        <source>Back to %1</source>
        <translation>回到 %1</translation>
    </message>
    <message numerus="yes">
        <source>%n more note(s) stand beside the model&apos;s name.</source>
        <translation>
            <numerusform>另有 %n 条说明，见模型名称旁。</numerusform>
        </translation>
    </message>
    <message>
        <source>Understood</source>
        <translation>知道了</translation>
    </message>
    <message>
        <source>%1 takes the place of %2, which is not loaded.</source>
        <translation>改为加载 %1；%2 不再加载。</translation>
    </message>
    <message numerus="yes">
        <source>%1 is loaded when %n answer(s) have ended.</source>
        <translation>
            <numerusform>%n 个回答结束后加载 %1。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Load now, stopping %n answer(s)</source>
        <translation>
            <numerusform>立即加载，停止 %n 个回答</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 is opened on %2 when %n answer(s) have ended.</source>
        <translation>
            <numerusform>%n 个回答结束后，%1 将在 %2 上打开。</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 is opened on %2 when the answer has ended.</source>
        <translation>回答结束后，%1 将在 %2 上打开。</translation>
    </message>
    <message>
        <source>%1 was not opened on %2: %3. It stays where it is.</source>
        <translation>%1 未能在 %2 上打开：%3。它留在原处。</translation>
    </message>
    <message>
        <source>%1 was lost while it computed. What was written is kept; the model is opened anew, on the CPU.</source>
        <translation>%1 在计算时失去响应。已写出的内容已保留；模型将在 CPU 上重新打开。</translation>
    </message>
    <message>
        <source>%1 had not enough free memory for the answer. What was written is kept; on the CPU there is the memory of the machine.</source>
        <translation>%1 没有足够的空闲显存来完成回答。已写出的内容已保留；在 CPU 上可以使用机器的内存。</translation>
    </message>
    <message numerus="yes">
        <source>Open now, stopping %n answer(s)</source>
        <translation>
            <numerusform>立即打开，停止 %n 个回答</numerusform>
        </translation>
    </message>
    <message>
        <source>Open now, stopping the answer</source>
        <translation>立即打开，停止回答</translation>
    </message>
    <message>
        <source>Open on the CPU</source>
        <translation>在 CPU 上打开</translation>
    </message>
    <message>
        <source>%1 is opened on the CPU from now on, all other models on %2. &quot;As for all models&quot; in the list of devices takes that back.</source>
        <translation>今后 %1 在 CPU 上打开，其他模型在 %2 上打开。设备列表中的“与所有模型一致”可以撤回这一选择。</translation>
    </message>
</context>
<context>
    <name>switchyard::ModelPicker</name>
    <message>
        <source>Choose the model</source>
        <translation>选择模型</translation>
    </message>
    <message>
        <source>Loading the model</source>
        <translation>正在加载模型</translation>
    </message>
    <message>
        <source>loading, %1 %</source>
        <translation>正在加载，%1 %</translation>
    </message>
    <message>
        <source>%1/%2 experts</source>
        <translation>%1/%2 个专家</translation>
    </message>
    <message>
        <source>dense</source>
        <translation>稠密</translation>
    </message>
    <message>
        <source>No model</source>
        <translation>没有模型</translation>
    </message>
    <message>
        <source>Choose a model</source>
        <translation>选择一个模型</translation>
    </message>
    <message>
        <source>Model: %1</source>
        <translation>模型：%1</translation>
    </message>
    <message numerus="yes">
        <source>%n note(s)</source>
        <translation>
            <numerusform>%n 条说明</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::ModelTable</name>
    <message>
        <source>%1 of %2</source>
        <translation>%1 / %2</translation>
    </message>
    <message>
        <source>dense</source>
        <translation>稠密</translation>
    </message>
    <message>
        <source>%1, cannot be used: %2</source>
        <translation>%1，无法使用：%2</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>Architecture</source>
        <translation>架构</translation>
    </message>
    <message>
        <source>Parameters</source>
        <translation>参数量</translation>
    </message>
    <message>
        <source>Precision</source>
        <translation>精度</translation>
    </message>
    <message>
        <source>Experts</source>
        <translation>专家</translation>
    </message>
    <message>
        <source>Source</source>
        <translation>来源</translation>
    </message>
</context>
<context>
    <name>switchyard::ModelsPage</name>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Models in your folders</source>
        <translation>您文件夹中的模型</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>加载</translation>
    </message>
    <message>
        <source>Look again</source>
        <translation>重新查找</translation>
    </message>
    <message>
        <source>Folders that are searched</source>
        <translation>搜索的文件夹</translation>
    </message>
    <message>
        <source>Looking through the folders…</source>
        <translation>正在查找文件夹…</translation>
    </message>
    <message>
        <source>No model files were found. Open one, or add a folder that has GGUF files.</source>
        <translation>没有找到模型文件。请打开一个，或添加含有 GGUF 文件的文件夹。</translation>
    </message>
    <message numerus="yes">
        <source>%n model file(s) in your folders.</source>
        <translation>
            <numerusform>您的文件夹中有 %n 个模型文件。</numerusform>
        </translation>
    </message>
    <message>
        <source>In use: %1.</source>
        <translation>正在使用：%1。</translation>
    </message>
    <message>
        <source>Parts of the Models page</source>
        <translation>“模型”页的各部分</translation>
    </message>
    <message>
        <source>Shape calculator</source>
        <translation>形状计算器</translation>
    </message>
    <message>
        <source>What the chosen model is made of</source>
        <translation>所选模型的构成</translation>
    </message>
    <message>
        <source>Choose a model to see what it is made of.</source>
        <translation>选择一个模型，查看它的构成。</translation>
    </message>
    <message>
        <source>Reading %1…</source>
        <translation>正在读取 %1…</translation>
    </message>
    <message>
        <source>Models page</source>
        <translation>模型页</translation>
    </message>
    <message>
        <source>The models on this machine</source>
        <translation>本机上的模型</translation>
    </message>
    <message numerus="yes">
        <source>%1: %n.</source>
        <translation>
            <numerusform>%1：%n 个。</numerusform>
        </translation>
    </message>
    <message>
        <source>On this machine</source>
        <translation>本机</translation>
    </message>
    <message>
        <source>Find models</source>
        <translation>查找模型</translation>
    </message>
    <message>
        <source>Delete…</source>
        <translation>删除…</translation>
    </message>
</context>
<context>
    <name>switchyard::NoticeBanner</name>
    <message>
        <source>Dismiss the message</source>
        <translation>关闭消息</translation>
    </message>
</context>
<context>
    <name>switchyard::OpenChat</name>
    <message>
        <source>This answer is by %1: choose that model to run it again exactly.</source>
        <translation>此回答来自 %1：请选择该模型以完全重新运行。</translation>
    </message>
    <message numerus="yes">
        <source>The context of %Ln tokens is full: start a new chat, or choose a model with a larger context and continue with that.</source>
        <translation>
            <numerusform>%Ln 个词元的上下文已满：请新建对话，或选择上下文更大的模型再继续。</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::PageStack</name>
    <message>
        <source>Pages</source>
        <translation>页面</translation>
    </message>
</context>
<context>
    <name>switchyard::PartBar</name>
    <message>
        <source>Parameters by part</source>
        <translation>各部分的参数</translation>
    </message>
</context>
<context>
    <name>switchyard::PresetBar</name>
    <message>
        <source>Preset</source>
        <translation>预设</translation>
    </message>
    <message>
        <source>Named settings of the dials</source>
        <translation>命名的旋钮设置</translation>
    </message>
    <message>
        <source>Name of the preset</source>
        <translation>预设名称</translation>
    </message>
    <message>
        <source>Save, rename or delete presets</source>
        <translation>保存、重命名或删除预设</translation>
    </message>
    <message>
        <source>Presets menu</source>
        <translation>预设菜单</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Save as…</source>
        <translation>另存为…</translation>
    </message>
    <message>
        <source>Name of the new preset</source>
        <translation>新预设的名称</translation>
    </message>
    <message>
        <source>Put all dials back</source>
        <translation>恢复所有旋钮</translation>
    </message>
    <message>
        <source>Rename…</source>
        <translation>重命名…</translation>
    </message>
    <message>
        <source>New name</source>
        <translation>新名称</translation>
    </message>
    <message>
        <source>Delete…</source>
        <translation>删除…</translation>
    </message>
    <message>
        <source>Delete preset</source>
        <translation>删除预设</translation>
    </message>
    <message>
        <source>Delete the preset “%1”? The dials stay as they are.</source>
        <translation>删除预设“%1”？旋钮保持不变。</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Import a preset…</source>
        <translation>导入预设…</translation>
    </message>
    <message>
        <source>Share as a file…</source>
        <translation>共享为文件…</translation>
    </message>
    <message>
        <source>Import a preset</source>
        <translation>导入预设</translation>
    </message>
    <message>
        <source>Presets (*.json)</source>
        <translation>预设 (*.json)</translation>
    </message>
    <message>
        <source>Share the preset as a file</source>
        <translation>将预设共享为文件</translation>
    </message>
</context>
<context>
    <name>switchyard::Presets</name>
    <message>
        <source>The preset “%1” cannot be read: %2.</source>
        <translation>无法读取预设“%1”：%2。</translation>
    </message>
    <message>
        <source>The preset “%1” is not usable: %2.</source>
        <translation>预设“%1”不可用：%2。</translation>
    </message>
    <message>
        <source>A preset needs a name.</source>
        <translation>预设需要一个名称。</translation>
    </message>
    <message>
        <source>The preset “%1” cannot be saved: %2.</source>
        <translation>无法保存预设“%1”：%2。</translation>
    </message>
    <message>
        <source>There is a preset “%1” already.</source>
        <translation>已有名为“%1”的预设。</translation>
    </message>
    <message>
        <source>The preset “%1” cannot be renamed: %2.</source>
        <translation>无法重命名预设“%1”：%2。</translation>
    </message>
    <message>
        <source>The preset “%1” cannot be removed: %2.</source>
        <translation>无法删除预设“%1”：%2。</translation>
    </message>
    <message>
        <source>%1 cannot be read: %2.</source>
        <translation>无法读取 %1：%2。</translation>
    </message>
    <message>
        <source>%1 is not a preset: %2.</source>
        <translation>%1 不是预设：%2。</translation>
    </message>
    <message>
        <source>%1 cannot be written: %2.</source>
        <translation>无法写入 %1：%2。</translation>
    </message>
    <message>
        <source>Precise</source>
        <translation>精确</translation>
    </message>
    <message>
        <source>Balanced</source>
        <translation>均衡</translation>
    </message>
    <message>
        <source>Creative</source>
        <translation>创意</translation>
    </message>
    <message>
        <source>Model&apos;s defaults</source>
        <translation>模型的默认值</translation>
    </message>
    <message>
        <source>The preset “%1” is the program&apos;s own: choose another name.</source>
        <translation>预设“%1”是程序自带的：请换一个名称。</translation>
    </message>
</context>
<context>
    <name>switchyard::PromptWindow</name>
    <message>
        <source>The prompt as sent</source>
        <translation>实际发送的提示词</translation>
    </message>
    <message>
        <source>The prompt</source>
        <translation>提示词</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Earlier</source>
        <translation>上一页</translation>
    </message>
    <message>
        <source>Later</source>
        <translation>下一页</translation>
    </message>
    <message numerus="yes">
        <source>%n tokens.</source>
        <translation>
            <numerusform>%n 个词元。</numerusform>
        </translation>
    </message>
    <message>
        <source>Exactly what %1 read before this answer.</source>
        <translation>这正是 %1 在此回答之前读取的内容。</translation>
    </message>
    <message>
        <source>Made anew by %1: the answer&apos;s record does not say what was sent.</source>
        <translation>由 %1 重新生成：该回答的记录中没有实际发送的内容。</translation>
    </message>
    <message>
        <source>Made anew by %1, and not what was sent: the model, its template or the messages are others than they were.</source>
        <translation>由 %1 重新生成，与实际发送的不同：模型、模板或消息已有变化。</translation>
    </message>
    <message numerus="yes">
        <source>The chat&apos;s %n oldest messages were left out.</source>
        <translation>
            <numerusform>对话中最早的 %n 条消息未包含在内。</numerusform>
        </translation>
    </message>
    <message>
        <source>Characters %1 to %2 of %3</source>
        <translation>第 %1 至 %2 个字符，共 %3 个</translation>
    </message>
</context>
<context>
    <name>switchyard::RowWidgetPool</name>
    <message>
        <source>Copy the code</source>
        <translation>复制代码</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
</context>
<context>
    <name>switchyard::Section</name>
    <message>
        <source>Folds or unfolds this group</source>
        <translation>折叠或展开此组</translation>
    </message>
</context>
<context>
    <name>switchyard::SettingsPage</name>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>外观</translation>
    </message>
    <message>
        <source>Theme</source>
        <translation>主题</translation>
    </message>
    <message>
        <source>As the system</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>Font size</source>
        <translation>字号</translation>
    </message>
    <message>
        <source> pt</source>
        <translation> 磅</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>Enter sends, Shift+Enter breaks the line</source>
        <translation>Enter 发送，Shift+Enter 换行</translation>
    </message>
    <message>
        <source>Off: Ctrl+Enter sends and Enter breaks the line</source>
        <translation>关闭时：Ctrl+Enter 发送，Enter 换行</translation>
    </message>
    <message>
        <source>Writing</source>
        <translation>书写</translation>
    </message>
    <message>
        <source>Folders</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <source>Change…</source>
        <translation>更改…</translation>
    </message>
    <message>
        <source>Change the data folder</source>
        <translation>更改数据文件夹</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>显示</translation>
    </message>
    <message>
        <source>Show the data folder</source>
        <translation>显示数据文件夹</translation>
    </message>
    <message>
        <source>Data folder</source>
        <translation>数据文件夹</translation>
    </message>
    <message>
        <source>Chats and presets lie here. Another folder is used from the next start on; chats are not moved.</source>
        <translation>对话和预设保存在这里。新文件夹从下次启动起使用；对话不会移动。</translation>
    </message>
    <message>
        <source>Model folders</source>
        <translation>模型文件夹</translation>
    </message>
    <message>
        <source>from the next start: %1</source>
        <translation>下次启动起：%1</translation>
    </message>
    <message>
        <source>Contrast</source>
        <translation>对比度</translation>
    </message>
    <message>
        <source>Normal</source>
        <translation>普通</translation>
    </message>
    <message>
        <source>High</source>
        <translation>高</translation>
    </message>
    <message>
        <source>The model gives chats their titles when it is idle</source>
        <translation>空闲时由模型为对话拟定标题</translation>
    </message>
    <message>
        <source>Off: a chat is called by what was asked first in it</source>
        <translation>关闭时，以对话中的第一个问题作为标题</translation>
    </message>
    <message>
        <source>Titles</source>
        <translation>标题</translation>
    </message>
    <message>
        <source>System prompt of new chats</source>
        <translation>新对话的系统提示词</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>系统提示词</translation>
    </message>
    <message>
        <source>What new chats begin with: one of those that were given a name over a chat&apos;s thread.</source>
        <translation>新对话的起始内容：从对话上方已命名的系统提示词中选择。</translation>
    </message>
    <message>
        <source>None</source>
        <translation>无</translation>
    </message>
    <message>
        <source>The desktop says when an answer ends while the window is not looked at</source>
        <translation>窗口不在前台时，回答结束后由桌面通知</translation>
    </message>
    <message>
        <source>Nothing of the chat is in the notice</source>
        <translation>通知中不含对话内容</translation>
    </message>
    <message>
        <source>Notices</source>
        <translation>通知</translation>
    </message>
</context>
<context>
    <name>switchyard::ShapeCalculator</name>
    <message>
        <source>A well-known model&apos;s shape to start from</source>
        <translation>作为起点的知名模型形状</translation>
    </message>
    <message>
        <source>Start from</source>
        <translation>起点</translation>
    </message>
    <message>
        <source>Layers</source>
        <translation>层数</translation>
    </message>
    <message>
        <source>Hidden width</source>
        <translation>隐藏层宽度</translation>
    </message>
    <message>
        <source>Heads</source>
        <translation>注意力头数</translation>
    </message>
    <message>
        <source>KV heads</source>
        <translation>KV 头数</translation>
    </message>
    <message>
        <source>Width of a head</source>
        <translation>每个头的宽度</translation>
    </message>
    <message>
        <source>Latent of the KV cache (MLA), 0: none</source>
        <translation>KV 缓存的潜向量（MLA），0：无</translation>
    </message>
    <message>
        <source>Width of dense layers</source>
        <translation>稠密层宽度</translation>
    </message>
    <message>
        <source>Experts, 0: a dense model</source>
        <translation>专家数，0：稠密模型</translation>
    </message>
    <message>
        <source>Active experts a token</source>
        <translation>每词元激活的专家</translation>
    </message>
    <message>
        <source>Width of an expert</source>
        <translation>每个专家的宽度</translation>
    </message>
    <message>
        <source>Width of the shared experts together</source>
        <translation>共享专家总宽度</translation>
    </message>
    <message>
        <source>Dense layers before the experts</source>
        <translation>专家层之前的稠密层</translation>
    </message>
    <message>
        <source>Vocabulary</source>
        <translation>词表大小</translation>
    </message>
    <message>
        <source>Context in tokens</source>
        <translation>上下文（词元）</translation>
    </message>
    <message>
        <source>The output is the embedding table (tied)</source>
        <translation>输出层与词嵌入表共用（绑定）</translation>
    </message>
    <message>
        <source>Like %1</source>
        <translation>类似 %1</translation>
    </message>
</context>
<context>
    <name>switchyard::SmallAnswer</name>
    <message>
        <source>%1 sent a longer answer than there can be.</source>
        <translation>%1 的回答超出了允许的长度。</translation>
    </message>
</context>
<context>
    <name>switchyard::SpeedPlot</name>
    <message>
        <source>Speed plot</source>
        <translation>速度图</translation>
    </message>
    <message>
        <source>Milliseconds for each token, and tokens per second</source>
        <translation>每个词元的毫秒数，以及每秒词元数</translation>
    </message>
    <message>
        <source>ms a token</source>
        <translation>毫秒/词元</translation>
    </message>
    <message>
        <source>tokens/s (dashed, right)</source>
        <translation>词元/秒（虚线，右轴）</translation>
    </message>
    <message>
        <source>ms</source>
        <translation>毫秒</translation>
    </message>
    <message>
        <source>tokens/s</source>
        <translation>词元/秒</translation>
    </message>
    <message>
        <source>token %1</source>
        <translation>词元 %1</translation>
    </message>
    <message>
        <source>first of its answer</source>
        <translation>回答的第一个词元</translation>
    </message>
    <message>
        <source>%1 ms · %2 tokens/s</source>
        <translation>%1 毫秒 · %2 词元/秒</translation>
    </message>
    <message>
        <source>continued here</source>
        <translation>从这里继续</translation>
    </message>
    <message>
        <source>%1 ms</source>
        <translation>%1 毫秒</translation>
    </message>
</context>
<context>
    <name>switchyard::StatusLine</name>
    <message>
        <source>Model in use</source>
        <translation>使用中的模型</translation>
    </message>
    <message>
        <source>Memory in use</source>
        <translation>已用内存</translation>
    </message>
    <message>
        <source>What is going on</source>
        <translation>当前活动</translation>
    </message>
    <message>
        <source>RAM %1</source>
        <translation>内存 %1</translation>
    </message>
    <message>
        <source>no model</source>
        <translation>没有模型</translation>
    </message>
    <message>
        <source>loading the model, %1 %</source>
        <translation>正在加载模型，%1 %</translation>
    </message>
    <message>
        <source>re-encoding weights, %1 %</source>
        <translation>正在重新编码权重，%1 %</translation>
    </message>
    <message>
        <source>waiting for its turn</source>
        <translation>等待轮到</translation>
    </message>
    <message>
        <source>waiting for the model</source>
        <translation>等待模型</translation>
    </message>
    <message>
        <source>reading the prompt, %1 of %2 tokens</source>
        <translation>正在读取提示，%1 / %2 词元</translation>
    </message>
    <message>
        <source>answering, %1 tokens/s</source>
        <translation>正在回答，%1 词元/秒</translation>
    </message>
    <message>
        <source>answering</source>
        <translation>正在回答</translation>
    </message>
    <message numerus="yes">
        <source>%n other chat(s) answering</source>
        <translation>
            <numerusform>另有 %n 个对话正在回答</numerusform>
        </translation>
    </message>
    <message>
        <source>ready</source>
        <translation>就绪</translation>
    </message>
    <message>
        <source>Memory of the card in use</source>
        <translation>所用显卡的内存</translation>
    </message>
    <message>
        <source>VRAM %1 of %2</source>
        <translation>显存 %1 / %2</translation>
    </message>
    <message>
        <source>%1: %2 free. This program has %3.</source>
        <translation>%1：空闲 %2。本程序占用 %3。</translation>
    </message>
</context>
<context>
    <name>switchyard::SystemPromptBar</name>
    <message>
        <source>System prompt</source>
        <translation>系统提示词</translation>
    </message>
    <message>
        <source>What the model is told before all messages of this chat</source>
        <translation>在本对话的所有消息之前告诉模型的内容</translation>
    </message>
    <message>
        <source>What the model is told before all messages: who it is, how it answers</source>
        <translation>在所有消息之前告诉模型的内容：它是谁、怎样回答</translation>
    </message>
    <message>
        <source>Name of the system prompt</source>
        <translation>系统提示词的名称</translation>
    </message>
    <message>
        <source>Named system prompts</source>
        <translation>已命名的系统提示词</translation>
    </message>
    <message>
        <source>None</source>
        <translation>无</translation>
    </message>
    <message>
        <source>Save as “%1”</source>
        <translation>保存到“%1”</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Save under a name…</source>
        <translation>命名保存…</translation>
    </message>
    <message>
        <source>Rename…</source>
        <translation>重命名…</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Begin new chats with it</source>
        <translation>新对话以此开始</translation>
    </message>
    <message>
        <source>New name</source>
        <translation>新名称</translation>
    </message>
    <message>
        <source>There is a system prompt “%1” already: choose another name, or choose it in the menu and save over it.</source>
        <translation>已有名为“%1”的系统提示词：请换一个名称，或在菜单中选择它再覆盖保存。</translation>
    </message>
    <message>
        <source>Acts from the next answer on.</source>
        <translation>从下一个回答起生效。</translation>
    </message>
    <message>
        <source>This model&apos;s chat template knows no system prompt, so the text goes in front of the first question.</source>
        <translation>该模型的对话模板没有系统提示词，因此这段文字会放在第一个提问之前。</translation>
    </message>
    <message>
        <source>none</source>
        <translation>无</translation>
    </message>
    <message>
        <source>Folds the system prompt</source>
        <translation>折叠系统提示词</translation>
    </message>
    <message>
        <source>%1. Unfolds it, to be changed.</source>
        <translation>%1。展开以便修改。</translation>
    </message>
</context>
<context>
    <name>switchyard::SystemPrompts</name>
    <message>
        <source>The system prompt “%1” cannot be read: %2.</source>
        <translation>无法读取系统提示词“%1”：%2。</translation>
    </message>
    <message>
        <source>The system prompt “%1” is no text file (UTF-8) of at most 1 MiB: save it anew.</source>
        <translation>系统提示词“%1”不是不超过 1 MiB 的文本文件（UTF-8）：请重新保存。</translation>
    </message>
    <message>
        <source>A system prompt needs a name.</source>
        <translation>系统提示词需要一个名称。</translation>
    </message>
    <message>
        <source>The text is longer than the 1 MiB that a named system prompt can have.</source>
        <translation>文字超过了命名系统提示词的上限 1 MiB。</translation>
    </message>
    <message>
        <source>The system prompt “%1” cannot be saved: %2.</source>
        <translation>无法保存系统提示词“%1”：%2。</translation>
    </message>
    <message>
        <source>There is a system prompt “%1” already.</source>
        <translation>已有名为“%1”的系统提示词。</translation>
    </message>
    <message>
        <source>The system prompt “%1” cannot be renamed: %2.</source>
        <translation>无法重命名系统提示词“%1”：%2。</translation>
    </message>
    <message>
        <source>The system prompt “%1” cannot be deleted: %2.</source>
        <translation>无法删除系统提示词“%1”：%2。</translation>
    </message>
</context>
<context>
    <name>switchyard::ThreadView</name>
    <message>
        <source>Messages</source>
        <translation>消息</translation>
    </message>
    <message>
        <source>Alt+Up and Alt+Down go from message to message; Ctrl+C copies.</source>
        <translation>Alt+Up 和 Alt+Down 在消息间移动；Ctrl+C 复制。</translation>
    </message>
    <message>
        <source>Jump to the end</source>
        <translation>跳到末尾</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Open this address</source>
        <translation>打开此地址</translation>
    </message>
    <message>
        <source>Copy the address</source>
        <translation>复制地址</translation>
    </message>
    <message>
        <source>Copy message as Markdown</source>
        <translation>将消息复制为 Markdown</translation>
    </message>
    <message>
        <source>Select all</source>
        <translation>全选</translation>
    </message>
    <message>
        <source>Answer</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>You</source>
        <translation>你</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>系统提示</translation>
    </message>
    <message>
        <source>With its thinking</source>
        <translation>包含思考</translation>
    </message>
    <message>
        <source>Before token %1: %2</source>
        <translation>词元 %1 之前：%2</translation>
    </message>
    <message>
        <source>Copy message as text</source>
        <translation>将消息复制为文本</translation>
    </message>
</context>
<context>
    <name>switchyard::Toast</name>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
</context>
<context>
    <name>switchyard::TuneColumn</name>
    <message>
        <source>Tune</source>
        <translation>调节</translation>
    </message>
    <message>
        <source>Fold the Tune column</source>
        <translation>折叠调节栏</translation>
    </message>
    <message>
        <source>this chat</source>
        <translation>此对话</translation>
    </message>
    <message>
        <source>all chats of this model</source>
        <translation>此模型的所有对话</translation>
    </message>
    <message>
        <source>Base</source>
        <translation>基础</translation>
    </message>
    <message>
        <source>Extension</source>
        <translation>扩展</translation>
    </message>
    <message>
        <source>Dynamic</source>
        <translation>动态</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Architecture</source>
        <translation>架构</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>设备</translation>
    </message>
    <message>
        <source>Context</source>
        <translation>上下文</translation>
    </message>
    <message>
        <source>File&apos;s precision</source>
        <translation>文件精度</translation>
    </message>
    <message>
        <source>Weights in memory</source>
        <translation>内存中的权重</translation>
    </message>
    <message>
        <source>%1, %2 experts</source>
        <translation>%1，%2 个专家</translation>
    </message>
    <message>
        <source>%1 tokens</source>
        <translation>%1 词元</translation>
    </message>
</context>
<context>
    <name>switchyard::UndoStack</name>
    <message>
        <source>“%1” was deleted.</source>
        <translation>“%1”已删除。</translation>
    </message>
    <message>
        <source>The message was deleted.</source>
        <translation>消息已删除。</translation>
    </message>
    <message>
        <source>The folder “%1” was deleted; its chats are listed by date.</source>
        <translation>文件夹“%1”已删除；其中的对话按日期列出。</translation>
    </message>
    <message>
        <source>The system prompt “%1” was deleted; chats that have it keep it.</source>
        <translation>已删除系统提示词“%1”；已使用它的对话仍会保留。</translation>
    </message>
    <message>
        <source>The system prompt was changed. It acts from the next answer on.</source>
        <translation>系统提示词已修改，从下一个回答起生效。</translation>
    </message>
    <message numerus="yes">
        <source>The message was deleted, and with it all that follows it: %Ln more messages.</source>
        <translation>
            <numerusform>消息已删除，其后的 %Ln 条消息也一并删除。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The Chat menu brings deleted messages back for %n days.</source>
        <translation>
            <numerusform>%n 天之内可用“对话”菜单恢复已删除的消息。</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>switchyard::WebGet</name>
    <message>
        <source>%1 was not found: is this machine connected to the network?</source>
        <translation>找不到 %1：本机是否已连接网络？</translation>
    </message>
    <message>
        <source>%1 does not answer. Try again later.</source>
        <translation>%1 没有应答。请稍后重试。</translation>
    </message>
    <message>
        <source>The connection to %1 broke off.</source>
        <translation>与 %1 的连接中断了。</translation>
    </message>
    <message>
        <source>%1 sent nothing for too long.</source>
        <translation>%1 太久没有发送数据。</translation>
    </message>
    <message>
        <source>The connection to %1 is not safe (its certificate is not accepted): nothing was fetched.</source>
        <translation>与 %1 的连接不安全（证书未被接受）：没有下载任何内容。</translation>
    </message>
    <message>
        <source>%1 could not be asked: %2</source>
        <translation>无法访问 %1：%2</translation>
    </message>
    <message>
        <source>%1 gives this to those alone who may have it: accept its licence on its page there, and put your access token into the settings.</source>
        <translation>%1 只向获准的用户提供此内容：请在其页面上接受许可证，并在设置中填写访问令牌。</translation>
    </message>
    <message>
        <source>%1 has no such model or file.</source>
        <translation>%1 上没有这个模型或文件。</translation>
    </message>
    <message>
        <source>%1 asks to wait a while before the next question.</source>
        <translation>%1 要求稍等一会儿再访问。</translation>
    </message>
    <message>
        <source>%1 answered with an error (%2).</source>
        <translation>%1 返回了错误（%2）。</translation>
    </message>
    <message>
        <source>%1 sent the file in a form that was not asked for.</source>
        <translation>%1 以未请求的形式发送了文件。</translation>
    </message>
    <message>
        <source>%1 leads from one address to the next without end.</source>
        <translation>%1 不停地从一个地址跳转到另一个。</translation>
    </message>
    <message>
        <source>%1 leads to another address. %2</source>
        <translation>%1 跳转到了另一个地址。%2</translation>
    </message>
</context>
<context>
    <name>switchyard::WideBar</name>
    <message>
        <source>Scroll sideways</source>
        <translation>左右滚动</translation>
    </message>
    <message>
        <source>What stands over it is wider than the text</source>
        <translation>其上方的内容比文字更宽</translation>
    </message>
</context>
<context>
    <name>switchyard::WindowActions</name>
    <message>
        <source>&amp;File</source>
        <translation>文件(&amp;F)</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>Open a model file…</source>
        <translation>打开模型文件…</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>退出</translation>
    </message>
    <message>
        <source>&amp;Edit</source>
        <translation>编辑(&amp;E)</translation>
    </message>
    <message>
        <source>Find a chat</source>
        <translation>查找对话</translation>
    </message>
    <message>
        <source>Find in this chat</source>
        <translation>在此对话中查找</translation>
    </message>
    <message>
        <source>Copy the last answer</source>
        <translation>复制最后的回答</translation>
    </message>
    <message>
        <source>Edit the last question</source>
        <translation>编辑最后的提问</translation>
    </message>
    <message>
        <source>&amp;Chat</source>
        <translation>对话(&amp;C)</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>发送</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Regenerate</source>
        <translation>重新生成</translation>
    </message>
    <message>
        <source>Previous branch</source>
        <translation>上一个分支</translation>
    </message>
    <message>
        <source>Next branch</source>
        <translation>下一个分支</translation>
    </message>
    <message>
        <source>Write a message</source>
        <translation>书写消息</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>视图(&amp;V)</translation>
    </message>
    <message>
        <source>List of chats</source>
        <translation>对话列表</translation>
    </message>
    <message>
        <source>Tune column</source>
        <translation>调节栏</translation>
    </message>
    <message>
        <source>Insight</source>
        <translation>洞察</translation>
    </message>
    <message>
        <source>Larger text</source>
        <translation>放大文字</translation>
    </message>
    <message>
        <source>Smaller text</source>
        <translation>缩小文字</translation>
    </message>
    <message>
        <source>Normal text size</source>
        <translation>正常文字大小</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>帮助(&amp;H)</translation>
    </message>
    <message>
        <source>Keys</source>
        <translation>快捷键</translation>
    </message>
    <message>
        <source>About Switchyard</source>
        <translation>关于 Switchyard</translation>
    </message>
    <message>
        <source>Undo the last deletion</source>
        <translation>撤销上次删除</translation>
    </message>
    <message>
        <source>Start a new chat</source>
        <translation>开始新对话</translation>
    </message>
    <message>
        <source>Stop; what is there is kept</source>
        <translation>停止；已写出的内容会保留</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>重命名</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Show or fold the list of chats</source>
        <translation>显示或折叠对话列表</translation>
    </message>
    <message>
        <source>Show or fold the Tune column</source>
        <translation>显示或折叠调节栏</translation>
    </message>
    <message>
        <source>Show or fold the plots</source>
        <translation>显示或折叠图表</translation>
    </message>
    <message>
        <source>%1 (%2)</source>
        <translation>%1（%2）</translation>
    </message>
    <message>
        <source>Pin to the top</source>
        <translation>置顶</translation>
    </message>
    <message>
        <source>Move to a folder</source>
        <translation>移到文件夹</translation>
    </message>
    <message>
        <source>New folder</source>
        <translation>新建文件夹</translation>
    </message>
    <message>
        <source>Temporary chat</source>
        <translation>临时对话</translation>
    </message>
    <message>
        <source>A chat of which nothing is written</source>
        <translation>不会写入磁盘的对话</translation>
    </message>
    <message>
        <source>Export chat…</source>
        <translation>导出对话…</translation>
    </message>
    <message>
        <source>Write this chat to a file: Markdown, HTML or JSON</source>
        <translation>把这个对话写入文件：Markdown、HTML 或 JSON</translation>
    </message>
    <message>
        <source>Export all chats…</source>
        <translation>导出所有对话…</translation>
    </message>
    <message>
        <source>Write all chats to one file: Markdown, HTML or JSON</source>
        <translation>把所有对话写入一个文件：Markdown、HTML 或 JSON</translation>
    </message>
    <message>
        <source>Import chats…</source>
        <translation>导入对话…</translation>
    </message>
    <message>
        <source>Read chats from a file of this program, ChatGPT, Open WebUI or LM Studio</source>
        <translation>从本程序、ChatGPT、Open WebUI 或 LM Studio 的文件读取对话</translation>
    </message>
    <message>
        <source>Duplicate</source>
        <translation>复制对话</translation>
    </message>
    <message>
        <source>A copy of the chat with all its versions</source>
        <translation>对话的副本，包括所有版本</translation>
    </message>
    <message>
        <source>Recently deleted</source>
        <translation>最近删除</translation>
    </message>
    <message>
        <source>Deleted chats can be restored for 30 days</source>
        <translation>已删除的对话可在 30 天内恢复</translation>
    </message>
    <message>
        <source>Bring deleted messages back</source>
        <translation>恢复已删除的消息</translation>
    </message>
    <message>
        <source>Messages of this chat that were deleted in the last 30 days</source>
        <translation>此对话中最近 30 天内删除的消息</translation>
    </message>
</context>
</TS>
