// switchyard-cli: the engine from the command line.
#include "app/cli/commands.h"
#include "app/cli/terminal_text.h"
#include "engine/backends/cuda/library_trial.h"
#include "engine/base/error.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <unistd.h>

namespace {

constexpr int bad_use = 2;
constexpr int bad_input = 1;

// Messages are one line, whatever a library or a file puts into them.
int fail(std::string message, int code) {
    while (!message.empty() && message.back() == '\n')
        message.pop_back();
    switchyard::print_note(message.empty() ? "it failed without a word" : message);
    return code;
}

// A standard stream that was closed would be the next file that is opened: results would be written into it.
void fill_closed_streams() {
#ifndef _WIN32 // where each program has its own streams, open or not
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
        if (::fcntl(stream, F_GETFD) == -1 && errno == EBADF)
            (void)::open("/dev/null", O_RDONLY); // the lowest number that is free; writing to it fails
    }
#endif
}

// What was printed may still be on its way: only now it is known whether it arrived.
int ended(int code) {
    errno = 0;
    const bool failed = std::ferror(stdout) != 0;
    if (std::fflush(stdout) == 0 && !failed)
        return code;
    return code != 0 ? code
                     : fail(std::string("the output could not be written") +
                                (errno != 0 ? std::string(": ") + std::strerror(errno) : ""),
                            bad_input);
}

int run(int argc, char** argv) {
    CLI::App app("Run, measure and change models from the command line.", "switchyard-cli");
    app.require_subcommand(1);
    app.set_version_flag("--version", "switchyard-cli " SWITCHYARD_VERSION);
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

} // namespace

int main(int argc, char** argv) {
    fill_closed_streams();
#ifndef _WIN32
    std::signal(SIGXFSZ, SIG_IGN); // a limit on files' sizes is an error of what writes one
#endif
    switchyard::serve_library_trial(argc, argv, [] {
        switchyard::print_note("waiting for the CUDA library or its driver, which may take a minute");
    });
    return ended(run(argc, argv));
}
