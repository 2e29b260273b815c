// switchyard-cli: the engine from the command line.
#include "app/cli/commands.h"
#include "app/cli/terminal_text.h"
#include "engine/base/error.h"

#include <cstdio>
#include <exception>

namespace {

constexpr int bad_use = 2;
constexpr int bad_input = 1;

// Messages are one line, whatever a library or a file puts into them.
int fail(std::string message, int code) {
    while (!message.empty() && message.back() == '\n')
        message.pop_back();
    std::fprintf(stderr, "switchyard-cli: %s\n", switchyard::one_line(message).c_str());
    return code;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Run, measure and change models from the command line.", "switchyard-cli");
    app.require_subcommand(1);
    try {
        switchyard::add_carve(app);
        switchyard::add_info(app);
        switchyard::add_quantize(app);
        switchyard::add_template(app);
        switchyard::add_tokenize(app);
        switchyard::add_logits(app);
        switchyard::add_generate(app);
        switchyard::add_chat(app);
        switchyard::add_bench(app);
        switchyard::add_perplexity(app);
        switchyard::add_devices(app);
        app.parse(argc, argv);
    } catch (const CLI::Success& done) {
        return app.exit(done);
    } catch (const CLI::Error& error) {
        return fail(error.what(), bad_use);
    } catch (const switchyard::Error& error) {
        return fail(error.what(), bad_input);
    } catch (const std::bad_alloc&) {
        return fail("Not enough memory", bad_input);
    } catch (const std::exception& error) {
        return fail(error.what(), bad_input);
    }
    return 0;
}
