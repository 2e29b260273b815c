// Numbers in a process whose locale writes 0,5: a window's toolkit sets the user's.
#include "engine/base/memory.h"
#include "engine/base/real_text.h"
#include "engine/run/controls.h"
#include "engine/run/model_defaults.h"
#include "engine/text/chat_template.h"
#include "tests/support/german_numbers.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace switchyard {
namespace {

std::string rendered(const std::string& source) { return ChatTemplate(source).render({}); }

TEST(Locale, NumbersAreReadAndWrittenWithAPoint) {
    const test::GermanNumbers german;
    if (!german.here())
        GTEST_SKIP() << "no locale with a decimal comma here, and localedef cannot make one";
    EXPECT_EQ(std::strtod("0.5", nullptr), 0.0) << "what the rest of this test guards against";
    EXPECT_EQ(rendered("{{ 0.5 + 1e-1 }} {{ '2.25'|float }} {{ 3.14159|round(2) }}"), "0.6 2.25 3.14");
    EXPECT_EQ(rendered("{{ '%.2f'|format(1.5) }} {{ '{:.3f} {:e} {:g}'.format(2.5, 1500.0, 0.25) }}"),
              "1.50 2.500 1.500000e+03 0.25");
    EXPECT_EQ(rendered("{{ [0.5, 1e30]|tojson }}"), "[0.5, 1e+30]");
    EXPECT_EQ(format_bytes(1610612736), "1.5 GiB");
    const ControlSpec& temperature = *find_control("temperature");
    EXPECT_EQ(std::get<double>(parse_control(temperature, "0.75")), 0.75);
    EXPECT_EQ(format_control(temperature, 0.75), "0.75");
}

TEST(Locale, ADefaultOfAFileStaysWhatItIs) {
    class File : public ModelFile {
      public:
        File() { metadata_.set("general.sampling.temp", double{0.9f}); }
        const Metadata& metadata() const override { return metadata_; }
        std::span<const TensorView> tensors() const override { return {}; }
        const TensorView* find(std::string_view) const override { return nullptr; }
        const std::filesystem::path& path() const override { return path_; }
        std::size_t bytes() const override { return 0; }

      private:
        Metadata metadata_;
        std::filesystem::path path_ = "model.gguf";
    };
    const test::GermanNumbers german;
    if (!german.here())
        GTEST_SKIP() << "no locale with a decimal comma here, and localedef cannot make one";
    EXPECT_EQ(default_tuning(File(), {}).sequence.temperature, 0.9);
}

TEST(RealText, IsPrintfsAndStrtods) {
    char expected[512];
    for (const double value : {0.0, 0.5, 1.0, 123456.789, 1e-7, 9.995, 1e22, 5e-324, 1.7976931348623157e308})
        for (const int precision : {0, 1, 3, 17}) {
            std::snprintf(expected, sizeof expected, "%.*f", precision, value);
            EXPECT_EQ(fixed_text(value, precision), expected);
            std::snprintf(expected, sizeof expected, "%.*e", precision, value);
            EXPECT_EQ(real_text(value, std::chars_format::scientific, precision), expected);
            std::snprintf(expected, sizeof expected, "%.*g", precision, value);
            EXPECT_EQ(real_text(value, std::chars_format::general, precision), expected);
        }
    for (const char* text : {"0.5", "+.5", "-2.", "1e3", "1e999", "-1e999", "1e-999", "-0.00001e-400", "inf",
                             "100000e-330", "0.0e99999999999999999999", "1e99999999999999999999"})
        EXPECT_EQ(real_of(text), std::strtod(text, nullptr)) << text;
    for (const char* text : {"", "+", "-", ".", "1e", "0x1", "1,5", "+-1", " 1", "1 "})
        EXPECT_EQ(real_of(text), std::nullopt) << text;
}

} // namespace
} // namespace switchyard
