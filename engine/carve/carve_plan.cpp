#include "engine/carve/carve_plan.h"

#include "engine/base/error.h"
#include "engine/quant/quant.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <span>

namespace switchyard {

namespace {

// File: 8 bytes of magic, the length of a JSON header (u32, little-endian), the header, then for each layer
// the owners (a byte a neuron), the router and the intercepts (F16).
constexpr char kMagic[8] = {'S', 'W', 'C', 'A', 'R', 'V', 'E', '1'};
constexpr std::size_t kMostHeader = 1 << 16;

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

} // namespace

void check_plan(const CarvePlan& p) {
    const auto fail = [](const std::string& what) { throw Error("the carve plan is inconsistent: " + what); };
    if (p.experts < 1 || p.experts > 254 || p.expert_width < 1 || p.hidden < 1 || p.width < 1 ||
        p.layers.empty())
        fail("a count is out of range");
    if (p.shared_width() < 0 || p.shared_width() % p.expert_width != 0)
        fail("the shared neurons are not a multiple of an expert's");
    for (const CarveLayer& layer : p.layers) {
        std::vector<int> sizes(static_cast<std::size_t>(p.experts));
        for (std::uint8_t owner : layer.owner) {
            if (owner != kSharedNeuron && owner >= p.experts)
                fail("a neuron belongs to an expert that is not there");
            if (owner != kSharedNeuron)
                ++sizes[owner];
        }
        if (layer.owner.size() != static_cast<std::size_t>(p.width) ||
            layer.router.size() != static_cast<std::size_t>(p.experts) * static_cast<std::size_t>(p.hidden) ||
            layer.intercept.size() != static_cast<std::size_t>(p.experts) ||
            std::any_of(sizes.begin(), sizes.end(), [&](int n) { return n != p.expert_width; }))
            fail("a layer has other sizes than the header says");
    }
}

void save_plan(const CarvePlan& plan, const std::filesystem::path& path) {
    check_plan(plan);
    const nlohmann::ordered_json header = {
        {"hidden", plan.hidden},          {"width", plan.width},
        {"experts", plan.experts},        {"expert_width", plan.expert_width},
        {"layers", plan.layers.size()},   {"model", plan.model},
        {"calibration", plan.calibration}};
    const std::string text = header.dump();
    std::string out(kMagic, sizeof kMagic);
    append(out, static_cast<std::uint32_t>(text.size()));
    out += text;
    for (const CarveLayer& layer : plan.layers) {
        out.append(reinterpret_cast<const char*>(layer.owner.data()), layer.owner.size());
        for (const auto* values : {&layer.router, &layer.intercept})
            for (float v : *values)
                append(out, float_to_half(v));
    }
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    if (!file.write(out.data(), static_cast<std::streamsize>(out.size())) || !file.flush())
        throw Error("cannot write the carve plan " + path.string() + ": no permission or no space");
}

CarvePlan load_plan(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw Error("cannot open the carve plan " + path.string());
    PlanReader in(std::string(std::istreambuf_iterator<char>(file), {}), path.string());
    if (in.take(sizeof kMagic) != std::string_view(kMagic, sizeof kMagic))
        in.fail("is not a carve plan");
    std::uint32_t length;
    std::memcpy(&length, in.take(4).data(), 4);
    if (length > kMostHeader)
        in.fail("has a damaged header");
    CarvePlan plan;
    std::size_t layers = 0;
    try {
        const auto header = nlohmann::json::parse(in.take(length));
        plan.hidden = header.at("hidden");
        plan.width = header.at("width");
        plan.experts = header.at("experts");
        plan.expert_width = header.at("expert_width");
        layers = header.at("layers");
        plan.model = header.value("model", "");
        plan.calibration = header.value("calibration", "");
    } catch (const nlohmann::json::exception&) {
        in.fail("has a damaged header");
    }
    if (plan.hidden < 1 || plan.hidden > (1 << 20) || plan.width < 1 || plan.width > (1 << 22) ||
        plan.experts < 1 || plan.experts > 254 || layers < 1 || layers > 4096)
        in.fail("has counts out of range");
    for (std::size_t l = 0; l < layers; ++l) {
        CarveLayer& layer = plan.layers.emplace_back();
        const std::string_view owners = in.take(static_cast<std::size_t>(plan.width));
        layer.owner.assign(owners.begin(), owners.end());
        layer.router =
            in.halves(static_cast<std::size_t>(plan.experts) * static_cast<std::size_t>(plan.hidden));
        layer.intercept = in.halves(static_cast<std::size_t>(plan.experts));
    }
    if (!in.at_end())
        in.fail("is longer than its header says");
    check_plan(plan);
    return plan;
}

} // namespace switchyard
