#include "kernels/cuda/library/cublas_functions.h"

#include <dlfcn.h>

#if __has_include(<cublasLt.h>)
#include <cublasLt.h>
#endif

namespace switchyard::cuda::cublas {

#if __has_include(<cublasLt.h>)
static_assert(sizeof(Algorithm) == sizeof(cublasLtMatmulAlgo_t) &&
              sizeof(Choice) == sizeof(cublasLtMatmulHeuristicResult_t) &&
              offsetof(Choice, workspace) == offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize) &&
              offsetof(Choice, state) == offsetof(cublasLtMatmulHeuristicResult_t, state));
static_assert(kComputeFloat == CUBLAS_COMPUTE_32F && kRealFloat == CUDA_R_32F && kRealHalf == CUDA_R_16F &&
              kSuccess == CUBLAS_STATUS_SUCCESS && kTransposed == CUBLAS_OP_T);
static_assert(int{kTransposeFirst} == CUBLASLT_MATMUL_DESC_TRANSA &&
              int{kWorkspaceBytes} == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES &&
              int{kReductionMask} == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK &&
              int{kAlignmentFirst} == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES &&
              int{kAlignmentFirst} + 3 == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES &&
              int{kSplitCount} == CUBLASLT_ALGO_CONFIG_SPLITK_NUM &&
              int{kReduction} == CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME);
#endif

bool open_functions(Functions& f) {
    // One of another generation may need a newer driver than this library does.
    const std::string name = "libcublasLt.so." + std::to_string(CUDART_VERSION / 1000);
    void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) // where NVIDIA's own packages put it, which loaders need not know
        library = dlopen(("/usr/local/cuda/lib64/" + name).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return false;
    const auto find = [library]<typename F>(F& function, const char* name) {
        function = reinterpret_cast<F>(dlsym(library, name));
        return function != nullptr;
    };
    const bool all =
        find(f.create, "cublasLtCreate") && find(f.destroy, "cublasLtDestroy") &&
        find(f.version, "cublasLtGetVersion") && find(f.make_description, "cublasLtMatmulDescCreate") &&
        find(f.destroy_description, "cublasLtMatmulDescDestroy") &&
        find(f.describe, "cublasLtMatmulDescSetAttribute") &&
        find(f.make_layout, "cublasLtMatrixLayoutCreate") &&
        find(f.destroy_layout, "cublasLtMatrixLayoutDestroy") &&
        find(f.make_preference, "cublasLtMatmulPreferenceCreate") &&
        find(f.destroy_preference, "cublasLtMatmulPreferenceDestroy") &&
        find(f.prefer, "cublasLtMatmulPreferenceSetAttribute") &&
        find(f.choose, "cublasLtMatmulAlgoGetHeuristic") &&
        find(f.configuration, "cublasLtMatmulAlgoConfigGetAttribute") && find(f.multiply, "cublasLtMatmul");
    if (!all)
        dlclose(library);
    return all;
}

std::string version_text(std::size_t version) {
    return std::to_string(version / 10000) + "." + std::to_string(version % 10000 / 100) + "." +
           std::to_string(version % 100);
}

} // namespace switchyard::cuda::cublas
