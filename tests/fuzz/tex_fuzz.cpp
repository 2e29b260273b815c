// TeX from anywhere: read whole or refused, set within its measures, in a time that its length bounds.
#include "tests/support/time_limit.h"
#include "tests/ui/stall_meter.h"
#include "ui/math/math_formula.h"
#include "ui/math/math_parser.h"

#include <QGuiApplication>
#include <QImage>
#include <QPainter>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace switchyard;

/// What Qt and its fonts keep until the end is no leak.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
    qputenv("QT_QPA_PLATFORM", "offscreen");
    new QGuiApplication(*count, *arguments); // fonts need one; it lives as long as the process
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr double limit = 100 * test::kSanitizerSlowdown; // milliseconds
    const std::string source = "$" + std::string(reinterpret_cast<const char*>(data), size) + "$";
    MathSetter setter((QFont()));
    setter.set("$x$", false, 16); // loads the font
    const double begun = threadTime();
    for (const bool display : {false, true}) {
        const MathFormulaPtr formula = setter.set(source, display, 16);
        if (!formula)
            continue;
        if (!std::isfinite(formula->width()) || !std::isfinite(formula->ascent()) ||
            !std::isfinite(formula->descent()) || formula->width() < 0)
            std::abort();
        QImage image(200, 100, QImage::Format_ARGB32_Premultiplied);
        QPainter painter(&image);
        formula->paint(painter, {0, 50}, 1);
    }
    if (threadTime() - begun > limit)
        std::abort();
    return 0;
}
