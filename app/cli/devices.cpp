// switchyard-cli devices: what this machine can compute on.
#include "app/cli/commands.h"
#include "app/cli/terminal_text.h"
#include "engine/backends/cuda/device_library.h"
#include "engine/base/memory.h"
#include "engine/run/backend.h"
#include "kernels/cuda/device_text.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

namespace switchyard {

namespace {

nlohmann::ordered_json health_json(const cuda::DeviceHealth& health) {
    auto json = nlohmann::ordered_json::object();
    const auto add = [&json](const char* name, auto value) {
        if (value >= 0)
            json[name] = value;
    };
    add("celsius", health.celsius);
    add("watts", health.watts);
    add("watts_limit", health.watts_limit);
    add("clock_mhz", health.clock_mhz);
    add("memory_clock_mhz", health.memory_clock_mhz);
    return json;
}

nlohmann::ordered_json cpu_json() {
    const auto cpu = make_cpu_backend({});
    const SystemMemory memory = system_memory();
    return {{"name", cpu->name()},
            {"description", cpu->description()},
            {"threads", cpu->threads()},
            {"memory_bytes", memory.total},
            {"memory_available_bytes", memory.available}};
}

nlohmann::ordered_json card_json(const DeviceLibrary& library, int index) {
    const cuda::DeviceInfo& info = library.info(index);
    const cuda::MemoryUse memory = library.memory(index);
    nlohmann::ordered_json json = {{"name", "cuda:" + std::to_string(index)},
                                   {"description", info.name},
                                   {"compute_capability", cuda::capability_text(info.compute)},
                                   {"multiprocessors", info.multiprocessors},
                                   {"memory_bytes", info.memory_bytes}};
    if (memory.total > 0)
        json["memory_available_bytes"] = memory.free;
    json["driver_cuda"] = cuda::version_text(info.driver);
    if (!info.driver_version.empty())
        json["driver"] = info.driver_version;
    json["pci"] = info.pci;
    if (auto health = health_json(library.health(index)); !health.empty())
        json["health"] = std::move(health);
    if (const std::string why = library.unusable(index); !why.empty())
        json["unusable"] = why;
    return json;
}

/// The CPU, every card, and a line without a number where no card can be used and none is listed.
nlohmann::ordered_json list_devices() {
    auto devices = nlohmann::ordered_json::array({cpu_json()});
    const auto library = DeviceLibrary::find();
    for (int i = 0; i < library->count(); ++i)
        devices.push_back(card_json(*library, i));
    if (library->count() == 0)
        devices.push_back({{"name", "cuda"}, {"unusable", library->reason()}});
    return devices;
}

std::string memory_text(const nlohmann::ordered_json& device) {
    std::string text = format_bytes(device["memory_bytes"].get<std::uint64_t>()) + " of memory";
    if (device.contains("memory_available_bytes"))
        text += ", " + format_bytes(device["memory_available_bytes"].get<std::uint64_t>()) + " free";
    return text;
}

std::string number(const nlohmann::ordered_json& json, const char* key) {
    return std::to_string(static_cast<int>(json[key].get<double>() + 0.5));
}

/// "45 °C, 120 of 700 W, 1980 MHz": what of it is known.
std::string health_text(const nlohmann::ordered_json& health) {
    std::string text;
    const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
    if (health.contains("celsius"))
        add(number(health, "celsius") + " °C");
    if (health.contains("watts"))
        add(number(health, "watts") +
            (health.contains("watts_limit") ? " of " + number(health, "watts_limit") : "") + " W");
    if (health.contains("clock_mhz"))
        add(number(health, "clock_mhz") + " MHz");
    return text;
}

std::string device_text(const nlohmann::ordered_json& device) {
    const auto told = [&device](const char* key) { return device[key].get<std::string>(); };
    std::string text = told("name") + ": ";
    if (!device.contains("description"))
        return text + told("unusable");
    text += told("description");
    if (device.contains("compute_capability"))
        text += ", compute capability " + told("compute_capability");
    text += "; " + memory_text(device);
    if (device.contains("driver_cuda"))
        text += "; driver " + (device.contains("driver") ? told("driver") + ", which knows" : "of") +
                " CUDA " + told("driver_cuda");
    if (device.contains("health"))
        text += "; " + health_text(device["health"]);
    if (device.contains("unusable"))
        text += "; not used: " + told("unusable");
    return text;
}

} // namespace

void add_devices(CLI::App& app) {
    auto json = std::make_shared<bool>(false);
    CLI::App* command = app.add_subcommand("devices", "List what this machine can compute on");
    command->add_flag("--json", *json, "Print JSON");
    command->callback([json] {
        const auto devices = list_devices();
        if (*json)
            std::printf("%s\n", json_text(devices).c_str());
        else
            for (const auto& device : devices)
                std::printf("%s\n", one_line(device_text(device)).c_str());
    });
}

} // namespace switchyard
