// Templates from anywhere: parsed, bound and rendered within small limits, they end in a text or an Error.
#include "engine/base/error.h"
#include "engine/text/jinja/binder.h"
#include "engine/text/jinja/evaluator.h"
#include "engine/text/jinja/parser.h"
#include "engine/text/jinja/print.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

using namespace switchyard;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto messages = nlohmann::ordered_json::parse(R"([
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "h\u00e9llo <b> \u4e2d\ud83d\ude00"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "function": {"name": "f",
         "arguments": {"a": 1, "b": [1.5, true, "x"]}}}]}, {"role": "tool", "content": "42"}])");
    try {
        jinja::Template tree = jinja::parse({reinterpret_cast<const char*>(data), size});
        jinja::bind(tree);
        jinja::Context context;
        context.now = 1'700'000'000;
        context.variables["messages"] = jinja::from_json(messages);
        context.variables["tools"] = jinja::Value::none();
        context.variables["add_generation_prompt"] = jinja::Value::boolean(true);
        jinja::Limits limits;
        limits.steps = 100'000;
        limits.output_bytes = 1 << 20;
        jinja::Evaluator(tree, std::move(context), limits).run();
    } catch (const Error&) {
        // what a bad template ends in
    }
    return 0;
}
