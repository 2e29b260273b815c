// The words of the table of controls, for the translators: the table itself is in the engine, which knows no
// Qt. A test holds this list against the table.
#include "ui/tuning/control_strings.h"

#include <QtGlobal>

namespace switchyard {

const std::vector<const char*>& controlStrings() {
    static const std::vector<const char*> strings = {
        QT_TRANSLATE_NOOP("Controls", "Temperature"),
        QT_TRANSLATE_NOOP("Controls", "How freely the next token is drawn: 0 always takes the likeliest, "
                                      "higher values are more varied."),
        QT_TRANSLATE_NOOP("Controls", "Top-p"),
        QT_TRANSLATE_NOOP(
            "Controls",
            "Draws from the likeliest tokens whose probabilities together reach this share. 1 turns it off."),
        QT_TRANSLATE_NOOP("Controls", "Top-k"),
        QT_TRANSLATE_NOOP("Controls", "Draws from this many of the likeliest tokens. 0 turns it off."),
        QT_TRANSLATE_NOOP("Controls", "tokens"),
        QT_TRANSLATE_NOOP("Controls", "Control tokens in messages"),
        QT_TRANSLATE_NOOP("Controls",
                          "What a control token such as <|im_start|> means where it is written in a message "
                          "or an attached file: text to read, or control, which lets the text begin turns "
                          "in another's name."),
        QT_TRANSLATE_NOOP("Controls", "text"),
        QT_TRANSLATE_NOOP("Controls", "control"),
        QT_TRANSLATE_NOOP("Controls", "off"),
        QT_TRANSLATE_NOOP("Controls", "random"),
        QT_TRANSLATE_NOOP("Controls", "Min-p"),
        QT_TRANSLATE_NOOP(
            "Controls",
            "Leaves out tokens less likely than this share of the likeliest one. 0 turns it off."),
        QT_TRANSLATE_NOOP("Controls", "Repetition penalty"),
        QT_TRANSLATE_NOOP("Controls", "Makes tokens that occurred lately less likely. 1 turns it off."),
        QT_TRANSLATE_NOOP("Controls", "Repetition window"),
        QT_TRANSLATE_NOOP("Controls", "How many tokens back the repetition penalty looks."),
        QT_TRANSLATE_NOOP("Controls", "Seed"),
        QT_TRANSLATE_NOOP("Controls", "The same seed, prompt and dials give the same answer."),
        QT_TRANSLATE_NOOP("Controls", "Maximum tokens"),
        QT_TRANSLATE_NOOP("Controls", "The answer ends after this many tokens."),
        QT_TRANSLATE_NOOP("Controls", "Active experts"),
        QT_TRANSLATE_NOOP("Controls", "How many routed experts compute each token. Fewer are faster, more "
                                      "are better; 0 takes the model's own number."),
        QT_TRANSLATE_NOOP("Controls", "Weights"),
        QT_TRANSLATE_NOOP(
            "Controls",
            "Precision of the weights. They are re-encoded in the background while the answer goes on."),
        QT_TRANSLATE_NOOP("Controls", "KV cache"),
        QT_TRANSLATE_NOOP("Controls",
                          "Precision of what the model remembers of the text so far. A change "
                          "affects new blocks of tokens only. Q4_0 takes a quarter of the memory "
                          "of F16, and some models answer much worse with it. FP8 is for cards of compute "
                          "capability 8.9 or more."),
        QT_TRANSLATE_NOOP("Controls", "Activation bits"),
        QT_TRANSLATE_NOOP(
            "Controls",
            "Bits of what quantized weights are multiplied with, on the processor. 8 read prompts up to 1.5 "
            "times as fast as 16 (of Q8_0 no faster) and cost some accuracy: of two small models logits "
            "changed by an NMSE of 1e-4 and 5e-4, perplexity by 0.4 % and 0.1 %."),
        QT_TRANSLATE_NOOP("Controls", "NMSE 1e-4 to 5e-4, perplexity +0.1 to 0.4 %"),
        QT_TRANSLATE_NOOP("Controls", "Thinking"),
        QT_TRANSLATE_NOOP("Controls",
                          "Whether the model thinks before it answers. Auto: as its chat template has it. "
                          "For models whose template has a switch."),
        QT_TRANSLATE_NOOP("Controls", "auto"),
        QT_TRANSLATE_NOOP("Controls", "on"),
        QT_TRANSLATE_NOOP("Controls", "Thinking effort"),
        QT_TRANSLATE_NOOP("Controls",
                          "How long the model thinks before it answers. Auto: as its chat template has it. "
                          "For models whose template takes a word for it."),
        QT_TRANSLATE_NOOP("Controls", "low"),
        QT_TRANSLATE_NOOP("Controls", "medium"),
        QT_TRANSLATE_NOOP("Controls", "high"),
        QT_TRANSLATE_NOOP("Controls", "When the context is full"),
        QT_TRANSLATE_NOOP(
            "Controls",
            "What is done with a chat that is longer than the model's context: stop ends the answer there; "
            "leave out takes the oldest questions and their answers out of what the model reads, never the "
            "system prompt."),
        QT_TRANSLATE_NOOP("Controls", "stop"),
        QT_TRANSLATE_NOOP("Controls", "leave out"),
        QT_TRANSLATE_NOOP("Controls", "Prefill chunk"),
        QT_TRANSLATE_NOOP(
            "Controls",
            "How many tokens of the prompt are read at a time. It changes speed and memory, not the result."),
    };
    return strings;
}

} // namespace switchyard
