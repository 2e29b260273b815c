#include "engine/base/cores.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <vector>

namespace switchyard {
namespace {

namespace fs = std::filesystem;

class Cores : public testing::Test {
  protected:
    void write(const std::string& path, const std::string& text) {
        fs::create_directories((root() / path).parent_path());
        std::ofstream(root() / path) << text << '\n';
    }
    void processor(int cpu, int package, int core) {
        const std::string topology = "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
        write(topology + "physical_package_id", std::to_string(package));
        write(topology + "core_id", std::to_string(core));
    }
    const fs::path& root() const { return folder_.path(); }

    test::TemporaryFolder folder_;
};

TEST_F(Cores, TwoThreadsOfACoreCountOnce) {
    for (int cpu = 0; cpu < 8; ++cpu)
        processor(cpu, cpu / 4, cpu % 2); // two packages of two cores with two threads each
    EXPECT_EQ(physical_cores(std::vector{0, 1, 2, 3, 4, 5, 6, 7}, root()), 4);
    EXPECT_EQ(physical_cores(std::vector{0, 2}, root()), 1) << "the affinity mask leaves one core";
    EXPECT_EQ(physical_cores(std::vector{0, 1, 9}, root()), 3) << "not told of one: all count";
}

TEST_F(Cores, TheControlGroupsQuotaCounts) {
    EXPECT_EQ(cpu_quota(root()), 0.0);
    write("proc/self/cgroup", "0::/a/b");
    write("sys/fs/cgroup/a/b/cpu.max", "max 100000");
    EXPECT_EQ(cpu_quota(root()), 0.0);
    write("sys/fs/cgroup/a/cpu.max", "250000 100000");
    EXPECT_EQ(cpu_quota(root()), 2.5) << "of the group above";
    write("sys/fs/cgroup/a/b/cpu.max", "50000 100000");
    EXPECT_EQ(cpu_quota(root()), 0.5) << "the least of them";
    write("sys/fs/cgroup/a/b/cpu.max", "nonsense 0");
    EXPECT_EQ(cpu_quota(root()), 2.5);
}

TEST_F(Cores, TheFirstVersionOfControlGroupsToo) {
    write("proc/self/cgroup", "9:memory:/d\n4:cpu,cpuacct:/d\n1:name=systemd:/d");
    write("sys/fs/cgroup/cpu,cpuacct/d/cpu.cfs_quota_us", "-1");
    write("sys/fs/cgroup/cpu,cpuacct/d/cpu.cfs_period_us", "100000");
    EXPECT_EQ(cpu_quota(root()), 0.0);
    write("sys/fs/cgroup/cpu,cpuacct/d/cpu.cfs_quota_us", "300000");
    EXPECT_EQ(cpu_quota(root()), 3.0);
}

TEST(AvailableCores, IsAtLeastOne) { EXPECT_GE(available_cores(), 1); }

} // namespace
} // namespace switchyard
