// Model, added tokens and post-processor of tokenizer.json.
#include "engine/base/error.h"
#include "engine/text/tokenizer_json.h"

#include <algorithm>

namespace switchyard {

using nlohmann::json;

namespace {

std::vector<std::string> vocabulary_of(const json& model) {
    const json* vocab = json_field(model, "vocab");
    if (!vocab || !vocab->is_object() || vocab->empty())
        throw Error("the model has no vocabulary");
    std::vector<std::string> tokens(vocab->size());
    for (const auto& [token, id] : vocab->items()) {
        const std::int32_t number = json_id(id);
        check_id(number, vocab->size(), token);
        if (static_cast<std::size_t>(number) >= tokens.size())
            tokens.resize(static_cast<std::size_t>(number) + 1);
        tokens[static_cast<std::size_t>(number)] = token;
    }
    return tokens;
}

std::pair<std::string, std::string> merge_of(const json& merge, std::size_t index) {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
        return {merge[0].get<std::string>(), merge[1].get<std::string>()};
    if (merge.is_string()) {
        const auto& text = merge.get_ref<const std::string&>();
        const std::size_t gap = text.find(' ', 1);
        if (gap != std::string::npos)
            return {text.substr(0, gap), text.substr(gap + 1)};
    }
    throw Error("merge " + std::to_string(index) + " is not two tokens");
}

std::int32_t find_token(const std::vector<std::string>& tokens, const std::string& text) {
    const auto found = std::find(tokens.begin(), tokens.end(), text);
    return found == tokens.end() ? -1 : static_cast<std::int32_t>(found - tokens.begin());
}

void append_ids(const json& special_tokens, const std::string& name, std::vector<std::int32_t>& out) {
    const json* token = json_field(special_tokens, name.c_str());
    const json* ids = token ? json_field(*token, "ids") : nullptr;
    if (!ids || !ids->is_array())
        throw Error("the post-processor names no ids for '" + name + "'");
    for (const json& id : *ids)
        out.push_back(json_id(id));
}

void add_template(const json& step, JsonTemplate& out) {
    const json* single = json_field(step, "single");
    const json* special_tokens = json_field(step, "special_tokens");
    if (!single || !single->is_array())
        throw Error("the post-processor's template has no list 'single'");
    bool before = true;
    for (const json& part : *single) {
        if (json_field(part, "Sequence")) {
            before = false;
        } else if (const json* special = json_field(part, "SpecialToken")) {
            if (!special_tokens)
                throw Error("the post-processor has no 'special_tokens'");
            append_ids(*special_tokens, json_text(*special, "id"), before ? out.first : out.last);
        }
    }
}

// BERT's and RoBERTa's: ["[CLS]", 101] in front, ["[SEP]", 102] behind.
void add_pair(const json& step, const char* key, std::vector<std::int32_t>& out) {
    const json* pair = json_field(step, key);
    if (!pair || !pair->is_array() || pair->size() != 2)
        throw Error(std::string("the post-processor's '") + key + "' is not a token and its id");
    out.push_back(json_id((*pair)[1]));
}

// Whether the step puts tokens around a text.
bool add_post_processor(const json& step, JsonTemplate& out) {
    const std::string type = json_text(step, "type");
    if (type == "TemplateProcessing") {
        add_template(step, out);
    } else if (type == "BertProcessing" || type == "RobertaProcessing") {
        add_pair(step, "cls", out.first);
        add_pair(step, "sep", out.last);
    } else if (type != "ByteLevel") {
        throw Error("Post-processor '" + type + "' is not supported");
    }
    return type != "ByteLevel";
}

} // namespace

void check_id(std::int32_t id, std::size_t count, const std::string& token) {
    if (id < 0 || static_cast<std::size_t>(id) > 4 * count + 65536)
        throw Error("the id of token '" + token + "' is no number that " + std::to_string(count) +
                    " tokens can have");
}

JsonModel model_from_json(const json& description) {
    const std::string type = json_text_or(description, "type", "BPE");
    if (type != "BPE")
        throw Error("Tokenizer model '" + type + "' is not supported; only BPE is");
    JsonModel model;
    model.tokens = vocabulary_of(description);
    const json* merges = json_field(description, "merges");
    if (!merges || !merges->is_array())
        throw Error("the model has no list of merges");
    model.merges.reserve(merges->size());
    for (const json& merge : *merges)
        model.merges.push_back(merge_of(merge, model.merges.size()));
    model.options.ignore_merges = json_flag_or(description, "ignore_merges", false);
    model.options.byte_fallback = json_flag_or(description, "byte_fallback", false);
    model.options.fuse_unknown = json_flag_or(description, "fuse_unk", false);
    model.options.word_begin = json_text_or(description, "continuing_subword_prefix", "");
    model.options.word_end = json_text_or(description, "end_of_word_suffix", "");
    if (const std::string unknown = json_text_or(description, "unk_token", ""); !unknown.empty())
        model.options.unknown = find_token(model.tokens, unknown);
    return model;
}

JsonTemplate template_from_json(const json* description) {
    JsonTemplate out;
    int adding = 0;
    if (description)
        each_json_step(*description, "processors",
                       [&](const json& step) { adding += add_post_processor(step, out); });
    if (adding > 1)
        throw Error("Several post-processors that add tokens, one after the other, are not supported");
    return out;
}

std::vector<AddedToken> added_tokens_from_json(const json* list) {
    std::vector<AddedToken> out;
    if (!list)
        return out;
    if (!list->is_array())
        throw Error("'added_tokens' is not a list");
    for (const json& entry : *list) {
        AddedToken token;
        token.text = json_text(entry, "content");
        const json* id = json_field(entry, "id");
        token.id = id ? json_id(*id) : -1;
        token.lstrip = json_flag_or(entry, "lstrip", false);
        token.rstrip = json_flag_or(entry, "rstrip", false);
        token.single_word = json_flag_or(entry, "single_word", false);
        token.special = json_flag_or(entry, "special", false);
        token.normalized = json_flag_or(entry, "normalized", !token.special);
        out.push_back(std::move(token));
    }
    return out;
}

} // namespace switchyard
