// A model that says what a test wants: its next token follows from the last one by a table. One layer that
// does nothing lies between an embedding of unit vectors and the table, so what it says is certain.
#pragma once

#include "engine/files/gguf.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace switchyard {

class ScriptedModel {
  public:
    /// The 256 bytes are tokens, each its own number.
    ScriptedModel();
    int word(const std::string& text);    ///< one token more, that is spelled so
    int control(const std::string& text); ///< a control token
    /// After `token` comes `next`, and so on through the list.
    void chain(int token, std::vector<int> next);
    /// The bytes of `text`, one after the other; they must differ from each other and from `token`.
    std::vector<int> bytes(const std::string& text) const;

    std::string chat_template; ///< "": the file has none
    int end = -1;              ///< the token that ends a turn
    int context = 2048;        ///< tokens
    Metadata more;             ///< keys beside those that are always there
    /// Tensors that no plan has, by name: floats; 0: an empty one.
    std::map<std::string, int> strange_tensors;

    void write(const std::filesystem::path& path) const;

  private:
    std::vector<std::string> tokens_;
    std::vector<std::int64_t> kinds_;
    std::map<int, int> follows_;
};

/// A model that knows <|im_start|> and <|im_end|> and says the words after the prompt's line break, then ends
/// its turn. `end` false: goes round from the last word to the first.
ScriptedModel chatScript(const std::vector<std::string>& words, bool ends = true);

} // namespace switchyard
