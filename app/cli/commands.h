// The commands of switchyard-cli, one file each. A command registers itself as a subcommand whose callback
// does the work and throws Error for bad input.
#pragma once

#include <CLI/CLI.hpp>

namespace switchyard {

void add_bench(CLI::App& app);
void add_carve(CLI::App& app);
void add_chat(CLI::App& app);
void add_devices(CLI::App& app);
void add_generate(CLI::App& app);
void add_info(CLI::App& app);
void add_logits(CLI::App& app);
void add_perplexity(CLI::App& app);
void add_quantize(CLI::App& app);
void add_template(CLI::App& app);
void add_tokenize(CLI::App& app);

} // namespace switchyard
