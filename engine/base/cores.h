// How many cores are worth a thread each.
#pragma once

#include <filesystem>
#include <span>

namespace switchyard {

/// Physical cores among the processors `cpus`, by the topology under root/sys: two threads of one core share
/// what a matrix product keeps busy. Where that is not told, every processor counts.
int physical_cores(std::span<const int> cpus, const std::filesystem::path& root = "/");

/// Processors' worth of time that the control group of this process, or one above it, allows (cgroup v1 and
/// v2, under root/proc and root/sys); 0: no limit. Threads beyond it are put to sleep in turn, in the middle
/// of a step that others spin for.
double cpu_quota(const std::filesystem::path& root = "/");

/// Threads to compute with: the physical cores this process may run on, within its quota; at least 1.
int available_cores();

} // namespace switchyard
