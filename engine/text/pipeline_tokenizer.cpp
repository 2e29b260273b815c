#include "engine/text/pipeline_tokenizer.h"

#include "engine/text/unicode.h"

#include <algorithm>
#include <utility>

namespace switchyard {

namespace {

std::vector<AddedToken> with_normalized(const std::vector<AddedToken>& tokens, bool normalized,
                                        const Normalizer& normalizer) {
    std::vector<AddedToken> chosen;
    for (const AddedToken& token : tokens)
        if (token.normalized == normalized) {
            chosen.push_back(token);
            if (normalized)
                chosen.back().text = normalize(normalizer, token.text);
        }
    return chosen;
}

class PipelineTokenizer : public Tokenizer {
  public:
    explicit PipelineTokenizer(TokenizerParts parts)
        : parts_(std::move(parts)), raw_(with_normalized(parts_.added, false, parts_.normalizer)),
          normalized_(with_normalized(parts_.added, true, parts_.normalizer)) {}

    std::vector<std::int32_t> encode(std::string_view text, bool add_special) const override {
        return encode(text, Marks(), add_special);
    }

    std::vector<std::int32_t> encode(const MarkedText& text, bool add_special) const override {
        if (utf8_valid(text.text))
            return encode(text.text, text.marks, add_special);
        const MarkedText repaired = mapped_text(text, utf8_repaired);
        return encode(repaired.text, repaired.marks, add_special);
    }

    std::string token_bytes(std::int32_t id) const override { return known(id) ? parts_.bytes[id] : ""; }

    std::string decode(std::span<const std::int32_t> ids) const override {
        return parts_.spellings.empty() ? join_bytes(ids) : join_spellings(ids);
    }

    std::size_t size() const override { return parts_.bytes.size(); }
    std::int32_t bos() const override { return parts_.bos; }
    std::int32_t eos() const override { return parts_.eos; }
    bool is_end(std::int32_t id) const override { return known(id) && parts_.ends[id]; }
    bool is_special(std::int32_t id) const override { return known(id) && parts_.special[id]; }
    std::string note() const override { return parts_.note; }

  private:
    bool known(std::int32_t id) const {
        return id >= 0 && static_cast<std::size_t>(id) < parts_.bytes.size();
    }

    std::string join_spellings(std::span<const std::int32_t> ids) const {
        std::vector<std::string> tokens;
        for (const std::int32_t id : ids)
            if (known(id) && !parts_.spellings[id].empty())
                tokens.push_back(parts_.spellings[id]);
        return switchyard::decode(parts_.decoder, std::move(tokens));
    }

    std::string join_bytes(std::span<const std::int32_t> ids) const {
        std::string out;
        bool prefixed = parts_.space_prefix != SpacePrefix::None;
        for (const std::int32_t id : ids) {
            if (!known(id))
                continue;
            std::string_view bytes = parts_.bytes[id];
            if (parts_.special[id]) {
                prefixed = parts_.space_prefix == SpacePrefix::AfterSpecial;
            } else if (!bytes.empty()) {
                if (prefixed && bytes[0] == ' ')
                    bytes.remove_prefix(1);
                prefixed = false;
            }
            out += bytes;
        }
        return utf8_repaired(out);
    }

    std::vector<std::int32_t> encode(std::string_view text, const Marks& marks, bool add_special) const {
        std::string repaired;
        if (!utf8_valid(text)) {
            repaired = utf8_repaired(text);
            text = repaired;
        }
        std::vector<std::int32_t> ids;
        if (add_special)
            ids = parts_.first;
        std::vector<AddedTokenFinder::Part> split;
        raw_.split(text, marks, split);
        for (const auto& part : split) {
            if (part.id >= 0) {
                ids.push_back(part.id);
                continue;
            }
            MarkedText raw = plain_text(std::string(text.substr(part.begin, part.end - part.begin)));
            raw.marks.add_part(marks, {part.begin, part.end}, 0);
            encode_text(std::move(raw), part.begin == 0, ids);
        }
        if (add_special)
            ids.insert(ids.end(), parts_.last.begin(), parts_.last.end());
        return ids;
    }

    void encode_text(MarkedText raw, bool at_start, std::vector<std::int32_t>& ids) const {
        const bool marked = !raw.marks.empty();
        if (!marked || !normalized_.finds_special()) { // no need to know where the marks come to lie
            raw = plain_text(normalize(parts_.normalizer, std::move(raw.text)));
        } else {
            raw = normalize(parts_.normalizer, std::move(raw));
        }
        if (normalized_.empty()) {
            encode_piece(std::move(raw.text), marked, at_start, ids);
            return;
        }
        std::vector<AddedTokenFinder::Part> split;
        normalized_.split(raw.text, raw.marks, split);
        for (const auto& part : split) {
            if (part.id >= 0)
                ids.push_back(part.id);
            else
                encode_piece(raw.text.substr(part.begin, part.end - part.begin), marked,
                             at_start && part.begin == 0, ids);
        }
    }

    /// Marked text is never taken for a control token, even where byte pairs would merge into one.
    void encode_piece(std::string text, bool marked, bool at_start, std::vector<std::int32_t>& ids) const {
        Pieces pieces;
        pieces.ranges.push_back({0, text.size()});
        pieces.limit = growth_limit(text.size());
        pieces.text = std::move(text);
        pieces.at_start = at_start;
        for (const auto& step : parts_.pre_tokenizer)
            step->apply(pieces);
        parts_.model->encode(pieces, ids, marked ? &parts_.special : nullptr);
    }

    TokenizerParts parts_;
    AddedTokenFinder raw_, normalized_;
};

} // namespace

std::unique_ptr<Tokenizer> make_pipeline_tokenizer(TokenizerParts parts) {
    return std::make_unique<PipelineTokenizer>(std::move(parts));
}

} // namespace switchyard
