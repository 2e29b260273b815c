// switchyard-cli devices: what this machine can compute on.
#include "app/cli/commands.h"
#include "app/cli/terminal_text.h"
#include "engine/base/memory.h"
#include "engine/run/backend.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

namespace switchyard {

void add_devices(CLI::App& app) {
    auto json = std::make_shared<bool>(false);
    CLI::App* command = app.add_subcommand("devices", "List what this machine can compute on");
    command->add_flag("--json", *json, "Print JSON");
    command->callback([json] {
        const auto cpu = make_cpu_backend({});
        const SystemMemory memory = system_memory();
        if (*json) {
            auto devices = nlohmann::ordered_json::array();
            devices.push_back({{"name", cpu->name()},
                               {"description", cpu->description()},
                               {"threads", cpu->threads()},
                               {"memory_bytes", memory.total},
                               {"memory_available_bytes", memory.available}});
            std::printf("%s\n", json_text(devices).c_str());
        } else {
            std::printf("%s: %s; %s of memory, %s free\n", cpu->name().c_str(), cpu->description().c_str(),
                        format_bytes(memory.total).c_str(), format_bytes(memory.available).c_str());
        }
    });
}

} // namespace switchyard
