#include "engine/carve/carve_plan.h"

#include "engine/base/error.h"
#include "engine/files/output_file.h"
#include "engine/quant/quant.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <span>

namespace switchyard {

namespace {

// File: 8 bytes of magic, the length of a JSON header (u32, little-endian), the header, then for each layer
// the owners, the router and the direction (F16). With few experts an owner takes four bits: two neurons a
// byte, the first in the low half; kSharedNeuron is then 15, kExactNeuron 14. Headers of version 2 say the
// widths once: all layers are alike, and only leading ones stay dense. Where that is so it is what is
// written.
constexpr char kMagic[8] = {'S', 'W', 'C', 'A', 'R', 'V', 'E', '3'};
constexpr char kAlikeVersion = '2';
constexpr std::size_t kMagicName = 7; ///< the same in every version
constexpr int kMostPackedExperts = 14;
constexpr std::uint8_t kPackedOffset = kSharedNeuron - 15;
constexpr std::size_t kMostHeader = 1 << 16;
constexpr std::uintmax_t kMostPlanBytes = 1 << 30;
constexpr int kMostPlanLayers = 4096, kMostHidden = 1 << 20, kMostNeurons = 1 << 22;

template <typename T>
void append(std::string& out, const T& value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

class PlanReader {
  public:
    PlanReader(std::string bytes, std::string name) : bytes_(std::move(bytes)), name_(std::move(name)) {}
    std::string_view take(std::size_t n) {
        if (n > bytes_.size() - at_)
            fail("is truncated");
        const std::string_view v(bytes_.data() + at_, n);
        at_ += n;
        return v;
    }
    std::vector<std::uint8_t> owners(std::size_t n, int experts) {
        if (experts > kMostPackedExperts) {
            const std::string_view v = take(n);
            return {v.begin(), v.end()};
        }
        const std::string_view v = take((n + 1) / 2);
        std::vector<std::uint8_t> out(n);
        for (std::size_t i = 0; i < n; ++i) {
            const int packed = static_cast<std::uint8_t>(v[i / 2]) >> (i % 2 * 4) & 15;
            out[i] =
                static_cast<std::uint8_t>(packed >= kMostPackedExperts ? packed + kPackedOffset : packed);
        }
        return out;
    }
    std::vector<float> halves(std::size_t n) {
        const std::string_view v = take(2 * n);
        std::vector<float> out(n);
        for (std::size_t i = 0; i < n; ++i) {
            Half h;
            std::memcpy(&h, v.data() + 2 * i, 2);
            out[i] = half_to_float(h);
        }
        return out;
    }
    bool at_end() const { return at_ == bytes_.size(); }
    [[noreturn]] void fail(const std::string& what) const {
        throw Error("the carve plan " + name_ + " " + what);
    }

  private:
    std::string bytes_, name_;
    std::size_t at_ = 0;
};

void append_owners(std::string& out, const std::vector<std::uint8_t>& owners, int experts) {
    if (experts > kMostPackedExperts) {
        out.append(reinterpret_cast<const char*>(owners.data()), owners.size());
        return;
    }
    const auto packed = [&](std::size_t i) {
        return i >= owners.size() ? 0 : is_shared(owners[i]) ? owners[i] - kPackedOffset : owners[i];
    };
    for (std::size_t i = 0; i < owners.size(); i += 2)
        out += static_cast<char>(packed(i) | packed(i + 1) << 4);
}

/// Of what is no whole number from 0 to 2^22: -1, which no count is.
int count_of(const nlohmann::json& value) {
    const std::int64_t count = value.is_number_integer() ? value.get<std::int64_t>() : -1;
    return count >= 0 && count <= kMostNeurons ? static_cast<int>(count) : -1;
}

/// The counts; layers are empty yet. Throws nlohmann's exceptions.
CarvePlan read_header(const nlohmann::json& header, bool alike) {
    CarvePlan plan;
    plan.hidden = count_of(header.at("hidden"));
    plan.experts = count_of(header.at("experts"));
    plan.model = header.value("model", "");
    plan.calibration = header.value("calibration", "");
    if (!alike) {
        plan.model_layers = count_of(header.at("model_layers"));
        for (const nlohmann::json& layer : header.at("layers"))
            plan.layers.push_back({count_of(layer.at(0)), count_of(layer.at(1)), count_of(layer.at(2))});
        return plan;
    }
    const int dense = header.contains("dense_layers") ? count_of(header["dense_layers"]) : 0,
              layers = count_of(header.at("layers"));
    if (dense < 0 || dense > kMostPlanLayers || layers < 0 || layers > kMostPlanLayers)
        return plan; // without layers: it is refused
    plan.model_layers = dense + layers;
    for (int layer = dense; layer < plan.model_layers; ++layer)
        plan.layers.push_back({layer, count_of(header.at("width")), count_of(header.at("expert_width"))});
    return plan;
}

} // namespace

void check_plan(const CarvePlan& p) {
    const auto fail = [](const std::string& what) { throw Error("the carve plan is inconsistent: " + what); };
    if (p.experts < 1 || p.experts > kMostCarvedExperts || p.hidden < 1 || p.layers.empty())
        fail("a count is out of range");
    int least = 0;
    for (const CarveLayer& layer : p.layers) {
        if (layer.layer < least || layer.layer >= p.model_layers || layer.width < 1 || layer.expert_width < 1)
            fail("a count is out of range");
        least = layer.layer + 1;
        if (static_cast<std::int64_t>(p.experts) * layer.expert_width > layer.width)
            fail("the experts have more neurons than a layer");
        std::vector<int> sizes(static_cast<std::size_t>(p.experts));
        for (std::uint8_t owner : layer.owner) {
            if (!is_shared(owner) && owner >= p.experts)
                fail("a neuron belongs to an expert that is not there");
            if (!is_shared(owner))
                ++sizes[owner];
        }
        if (layer.owner.size() != static_cast<std::size_t>(layer.width) ||
            layer.router.size() != static_cast<std::size_t>(p.experts) * static_cast<std::size_t>(p.hidden) ||
            layer.direction.size() != static_cast<std::size_t>(p.hidden) ||
            std::any_of(sizes.begin(), sizes.end(), [&](int n) { return n != layer.expert_width; }))
            fail("a layer has other sizes than the header says");
        for (const auto* values : {&layer.router, &layer.direction})
            if (!std::ranges::all_of(*values, [](float v) { return std::isfinite(v); }))
                fail("a router has a weight that is no number");
    }
}

void save_plan(const CarvePlan& plan, const std::filesystem::path& path) {
    check_plan(plan);
    nlohmann::ordered_json header = {{"hidden", plan.hidden},
                                     {"experts", plan.experts},
                                     {"model", plan.model},
                                     {"calibration", plan.calibration}};
    const bool alike = plan.alike() && plan.all_behind_dense();
    if (alike) {
        header["width"] = plan.layers.front().width;
        header["expert_width"] = plan.layers.front().expert_width;
        header["layers"] = plan.layers.size();
        header["dense_layers"] = plan.dense_layers();
    } else {
        header["model_layers"] = plan.model_layers;
        header["layers"] = nlohmann::ordered_json::array();
        for (const CarveLayer& layer : plan.layers)
            header["layers"].push_back({layer.layer, layer.width, layer.expert_width});
    }
    const std::string text = header.dump();
    std::string out(kMagic, sizeof kMagic);
    out[kMagicName] = alike ? kAlikeVersion : kMagic[kMagicName];
    append(out, static_cast<std::uint32_t>(text.size()));
    out += text;
    for (const CarveLayer& layer : plan.layers) {
        append_owners(out, layer.owner, plan.experts);
        for (const auto* values : {&layer.router, &layer.direction})
            for (float v : *values)
                append(out, float_to_half(v));
    }
    OutputFile file(path);
    file.write(out.data(), out.size());
    file.finish();
}

CarvePlan load_plan(const std::filesystem::path& path) {
    std::error_code error;
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw Error("cannot open the carve plan " + path.string());
    if (!std::filesystem::is_regular_file(path, error) ||
        std::filesystem::file_size(path, error) > kMostPlanBytes) // a device has no end
        throw Error("the carve plan " + path.string() + " is no file of a plan's size");
    PlanReader in(std::string(std::istreambuf_iterator<char>(file), {}), path.string());
    const std::string_view magic = in.take(sizeof kMagic), wanted(kMagic, sizeof kMagic);
    if (magic.substr(0, kMagicName) != wanted.substr(0, kMagicName))
        in.fail("is not a carve plan");
    const char version = magic[kMagicName];
    if (version != wanted[kMagicName] && version != kAlikeVersion)
        in.fail("was made by another version of this program: make it anew");
    std::uint32_t length;
    std::memcpy(&length, in.take(4).data(), 4);
    if (length > kMostHeader)
        in.fail("has a damaged header");
    CarvePlan plan;
    try {
        plan = read_header(nlohmann::json::parse(in.take(length)), version == kAlikeVersion);
    } catch (const nlohmann::json::exception&) {
        in.fail("has a damaged header");
    }
    if (plan.hidden < 1 || plan.hidden > kMostHidden || plan.experts < 1 ||
        plan.experts > kMostCarvedExperts || plan.layers.empty() || plan.model_layers > kMostPlanLayers ||
        std::ranges::any_of(plan.layers,
                            [](const CarveLayer& l) { return l.width < 1 || l.width > kMostNeurons; }))
        in.fail("has counts out of range");
    for (CarveLayer& layer : plan.layers) {
        layer.owner = in.owners(static_cast<std::size_t>(layer.width), plan.experts);
        layer.router =
            in.halves(static_cast<std::size_t>(plan.experts) * static_cast<std::size_t>(plan.hidden));
        layer.direction = in.halves(static_cast<std::size_t>(plan.hidden));
    }
    if (!in.at_end())
        in.fail("is longer than its header says");
    check_plan(plan);
    return plan;
}

} // namespace switchyard
