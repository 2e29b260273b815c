// The commands of switchyard-cli, one file each. A command registers itself as a subcommand whose callback
// does the work and throws Error for bad input.
#pragma once

#include <CLI/CLI.hpp>

namespace switchyard {

void add_quantize(CLI::App& app);
void add_template(CLI::App& app);
void add_tokenize(CLI::App& app);

} // namespace switchyard
