#include "app/services/run_digest.h"

namespace switchyard {

namespace {

double speedOfLast(const std::vector<TokenRecord>& tokens) {
    constexpr std::size_t kWindow = 64;
    double milliseconds = 0;
    int count = 0;
    for (std::size_t i = tokens.size(); i-- > 1 && tokens.size() - i <= kWindow;) {
        milliseconds += tokens[i].latency_ms;
        count += tokens[i].latency_ms > 0 ? 1 : 0;
    }
    return milliseconds > 0 ? 1000.0 * count / milliseconds : 0;
}

} // namespace

void RunDigest::take(const std::vector<TokenRecord>& all) {
    if (all.size() < static_cast<std::size_t>(tokens))
        *this = {};
    for (auto i = static_cast<std::size_t>(tokens); i < all.size(); ++i) {
        const TokenRecord& token = all[i];
        if (token.experts_active > 0 && (experts.empty() || experts.back() != token.experts_active))
            experts.push_back(token.experts_active);
        const std::string precision = token.quant.empty() ? "file" : token.quant;
        if (precisions.empty() || precisions.back() != precision)
            precisions.push_back(precision);
    }
    tokens = static_cast<int>(all.size());
    speed = speedOfLast(all);
}

} // namespace switchyard
