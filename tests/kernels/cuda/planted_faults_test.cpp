// That the tests of kernels find faults: each is planted into a kernel as it is, and a test that passes
// without it fails.
#include "tests/kernels/cuda/test_device.h"

#include <gtest/gtest.h>

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <stdexcept>
#include <string>

namespace switchyard::cuda {
namespace {

struct Planted {
    const char* fault; ///< as parse_fault() reads it
    const char* test;
};
void PrintTo(const Planted& planted, std::ostream* out) { *out << planted.fault; }

/// What a test of this program came to, by itself: 0 where it passed. Longer than a minute is a failure.
int run_test(const std::string& test, const std::string& fault) {
    const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
    const std::string environment =
        fault.empty() ? "-u SWITCHYARD_PLANTED_FAULT" : "SWITCHYARD_PLANTED_FAULT=" + fault;
    const int status = std::system(("env " + environment + " timeout 60 '" + program +
                                    "' '--gtest_filter=" + test + "' --gtest_fail_fast >/dev/null 2>&1")
                                       .c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class PlantedFaults : public testing::TestWithParam<Planted> {};

TEST_P(PlantedFaults, AreFound) {
    if (on_card())
        GTEST_SKIP() << "faults are planted into kernels of the emulated device";
    const auto& [fault, test] = GetParam();
    EXPECT_EQ(run_test(test, ""), 0) << test;
    EXPECT_NE(run_test(test, fault), 0) << fault << " goes unnoticed";
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, PlantedFaults,
    testing::Values(Planted{"GateUpOne:BlockMeeting:2", "FeedForwardKernels.ExpertsAndASharedBlock"},
                    Planted{"GateUpOne:PreviousWait:0", "FeedForwardKernels.ExpertsAndASharedBlock"},
                    Planted{"GateUpFew:WarpMeeting:0", "FeedForwardKernels.ExpertsAndASharedBlock"},
                    Planted{"GateUpMany:Stride:0", "FeedForwardKernels.ExpertsAndASharedBlock"},
                    Planted{"DownFew:PreviousWait:0", "FeedForwardKernels.ExpertsAndASharedBlock"},
                    Planted{"DownOne:TileProduct:1", "FeedForwardKernels.ExpertsAndASharedBlock"},
                    Planted{"Units:BlockMeeting:1", "RoutingKernels.ChooseAsTheReferenceDoes"},
                    Planted{"RouteFew:Exchange:0", "RoutingKernels.ChooseAsTheReferenceDoes"},
                    Planted{"Attend:CopyWait:0", "CudaAttention.HeadsOfEveryWidth"},
                    Planted{"Attend:CopyGroup:1", "CudaAttention.HeadsOfEveryWidth"},
                    Planted{"Attend:WarpMeeting:1", "CudaAttention.HeadsOfEveryWidth"},
                    Planted{"Attend:LostBlock:0", "CudaAttention.HeadsOfEveryWidth"},
                    Planted{"ProductOne:PreviousWait:0", "DependentLaunches.ProductsWaitForTheirRows"},
                    Planted{"PromptProduct:PreviousWait:0", "DependentLaunches.PromptsWaitForTheirRows"},
                    Planted{"Embed:PreviousWait:0", "DependentLaunches.EmbeddingWaitsForWhoReadsItsRows"},
                    Planted{"PartBest:PreviousWait:0", "DependentLaunches.CandidatesWaitForTheirLogits"},
                    Planted{"PreparePrompt:BlockMeeting:2", "PromptRows.AreNormedHeadByHeadAndCounted"},
                    Planted{"JoinBest:PreviousWait:0", "HeadKernels.FindWhatTheCpuFinds"},
                    Planted{"DrawNext:BlockMeeting:2", "DrawKernels.DrawWhatTheHostDraws"},
                    Planted{"DrawNext:PreviousWait:0", "DrawKernels.DrawWhatTheHostDraws"},
                    Planted{"Convolve:Exchange:0", "CudaStates.Convolutions"},
                    Planted{"DeltaRule:BlockMeeting:0", "CudaStates.DeltaRules"},
                    Planted{"DeltaRuleSlice:BlockMeeting:1", "CudaStates.DeltaRules"},
                    Planted{"GateDelta:PreviousWait:0", "CudaStates.DeltaRules"},
                    Planted{"NormGroups:PreviousWait:0", "CudaStates.StateSpaces"},
                    Planted{"StateSpace:BlockMeeting:0", "CudaStates.StateSpaces"},
                    Planted{"StateSpace:BlockMeeting:1", "CudaStates.StateSpaces"},
                    Planted{"IndexScores:CopyWait:0", "CudaIndex.KeysThatHeadsWeighTogether"},
                    Planted{"IndexChoice:BlockMeeting:1", "CudaIndex.OfEqualScoresTheEarlier"},
                    Planted{"IndexChoice:Exchange:0", "CudaIndex.OfEqualScoresTheEarlier"},
                    Planted{"AttendChosen:CopyGroup:1", "CudaChosen.BlocksOfTokens"},
                    Planted{"AttendChosen:WarpMeeting:0", "CudaChosen.BlocksOfTokens"},
                    Planted{"ChosenMerge:PreviousWait:0", "CudaChosen.BlocksOfTokens"},
                    Planted{"Compress:BlockMeeting:1", "CudaCompress.Windows"},
                    Planted{"MixStreams:BlockMeeting:1", "CudaStreams.AreMixedByWeightsThatTheyMake"},
                    Planted{"NormGroups:BlockMeeting:1",
                            "CudaValues.GroupsAreNormedInPlaceAndRowsAddedToOthers"}),
    [](const testing::TestParamInfo<Planted>& info) {
        std::string name = info.param.fault;
        for (char& c : name)
            if (c == ':')
                c = '_';
        return name;
    });

TEST(PlantedFaultNames, AreChecked) {
    const PlantedFault fault = parse_fault("Attend:CopyWait:2");
    EXPECT_EQ(fault.kind, PlantedFault::Kind::CopyWait);
    EXPECT_EQ(fault.use, 2u);
    for (const char* wrong : {"", "Attend", "Attend:CopyWait", "Attend:CopyWait:", "Attend:CopyWait:2x",
                              "Attend:Nothing:2", "Nothing:CopyWait:2"})
        EXPECT_THROW(parse_fault(wrong), std::invalid_argument) << wrong;
}

} // namespace
} // namespace switchyard::cuda
