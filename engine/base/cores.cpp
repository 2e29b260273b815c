#include "engine/base/cores.h"

#ifdef __linux__
#include <sched.h>
#endif

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace switchyard {
namespace {

namespace fs = std::filesystem;

/// The first word of a file; empty: there is none.
std::string first_word(const fs::path& path) {
    std::ifstream in(path);
    std::string word;
    in >> word;
    return word;
}

/// quota / period in processors, where both are numbers.
double ratio(const std::string& quota, const std::string& period) {
    const auto number = [](const std::string& s) {
        return !s.empty() && s.size() < 16 && s.find_first_not_of("0123456789") == std::string::npos
                   ? std::stoll(s)
                   : 0;
    };
    const long long of = number(period);
    return of > 0 ? static_cast<double>(number(quota)) / static_cast<double>(of) : 0;
}

double quota_of(const fs::path& group) {
    std::ifstream in(group / "cpu.max"); // cgroup v2: "200000 100000", or "max 100000"
    std::string quota, period;
    if (in >> quota >> period)
        return ratio(quota, period);
    return ratio(first_word(group / "cpu.cfs_quota_us"), first_word(group / "cpu.cfs_period_us"));
}

/// The least quota of a group and those above it, up to `top`. 0: none.
double least_quota(const fs::path& top, const fs::path& group) {
    double least = 0;
    for (fs::path path = group.relative_path();; path = path.parent_path()) {
        const double quota = quota_of(top / path);
        if (quota > 0 && (least == 0 || quota < least))
            least = quota;
        if (path.empty())
            return least;
    }
}

/// Empty where the system does not say.
std::vector<int> allowed_processors() {
    std::vector<int> cpus;
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
            if (CPU_ISSET(cpu, &set))
                cpus.push_back(cpu);
#endif
    return cpus;
}

} // namespace

int physical_cores(std::span<const int> cpus, const fs::path& root) {
    std::set<std::pair<std::string, std::string>> cores;
    for (const int cpu : cpus) {
        const fs::path topology =
            root / "sys/devices/system/cpu" / ("cpu" + std::to_string(cpu)) / "topology";
        const std::string core = first_word(topology / "core_id");
        if (core.empty())
            return static_cast<int>(cpus.size());
        cores.emplace(first_word(topology / "physical_package_id"), core);
    }
    return static_cast<int>(cores.size());
}

double cpu_quota(const fs::path& root) {
    std::ifstream in(root / "proc/self/cgroup"); // "0::/user.slice/a", or "4:cpu,cpuacct:/docker/b"
    double least = 0;
    for (std::string line; std::getline(in, line);) {
        const std::size_t first = line.find(':'), second = line.find(':', first + 1);
        if (second == std::string::npos)
            continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        if (!controllers.empty() && ("," + controllers + ",").find(",cpu,") == std::string::npos)
            continue;
        const fs::path top = root / "sys/fs/cgroup" / controllers;
        const double quota = least_quota(top, line.substr(second + 1));
        if (quota > 0 && (least == 0 || quota < least))
            least = quota;
    }
    return least;
}

int available_cores() {
    const std::vector<int> cpus = allowed_processors();
    const int cores =
        cpus.empty() ? static_cast<int>(std::thread::hardware_concurrency()) : physical_cores(cpus);
    const double quota = cpu_quota();
    return std::max(1, quota > 0 ? std::min(cores, static_cast<int>(quota)) : cores);
}

} // namespace switchyard
