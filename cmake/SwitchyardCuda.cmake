# Finds CUDA's compiler for the library that computes on cards. SWITCHYARD_HAVE_CUDA says afterwards whether it is built.
set(SWITCHYARD_CUDA AUTO CACHE STRING "Build the CUDA library: ON, OFF, or AUTO where nvcc is found")
set_property(CACHE SWITCHYARD_CUDA PROPERTY STRINGS AUTO ON OFF)
set(SWITCHYARD_CUDA_ARCHITECTURES "90" CACHE STRING
    "Cards that the CUDA library is built for, as CMAKE_CUDA_ARCHITECTURES has them")

set(SWITCHYARD_HAVE_CUDA OFF)
if(SWITCHYARD_SANITIZE OR SWITCHYARD_FUZZ)
    return() # kernels run under sanitizers as emulated ones
endif()
if(SWITCHYARD_CUDA)
    # As CMake looks for it, and where NVIDIA's packages and installer/common.sh put it.
    find_program(SWITCHYARD_NVCC nvcc
        HINTS "$ENV{CUDACXX}" ENV CUDA_HOME ENV CUDA_PATH
        PATHS /usr/local/cuda "${PROJECT_SOURCE_DIR}/build/cuda-toolkit/nvidia/cu13" PATH_SUFFIXES bin
        DOC "CUDA's compiler")
    if(NOT "$ENV{CUDACXX}" STREQUAL "")
        set(SWITCHYARD_NVCC "$ENV{CUDACXX}")
    endif()
    if(SWITCHYARD_NVCC)
        # All of it before the language is enabled; this CMake knows no C++20 of CUDA's.
        set(CMAKE_CUDA_COMPILER "${SWITCHYARD_NVCC}")
        set(CMAKE_CUDA_COMPILER_LAUNCHER sh "${PROJECT_SOURCE_DIR}/cmake/keep_ptxas_report.sh")
        if(CCACHE_PROGRAM)
            list(APPEND CMAKE_CUDA_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
        endif()
        set(CMAKE_CUDA_ARCHITECTURES "${SWITCHYARD_CUDA_ARCHITECTURES}")
        if(NOT CMAKE_CUDA_HOST_COMPILER)
            set(CMAKE_CUDA_HOST_COMPILER "${CMAKE_CXX_COMPILER}")
        endif()
        enable_language(CUDA)
        set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
        set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
        set(CMAKE_CUDA_STANDARD 20)
        set(CMAKE_CUDA_STANDARD_REQUIRED ON)
        set(SWITCHYARD_HAVE_CUDA ON)
        set_property(GLOBAL PROPERTY SWITCHYARD_CUDA_VERSION "${CMAKE_CUDA_COMPILER_VERSION}") # for who packs it
        message(STATUS "CUDA library: built for ${SWITCHYARD_CUDA_ARCHITECTURES} with ${SWITCHYARD_NVCC}")
    elseif(SWITCHYARD_CUDA STREQUAL "AUTO")
        message(STATUS "CUDA library: skipped, nvcc was not found")
    else()
        message(FATAL_ERROR "SWITCHYARD_CUDA is ON, and nvcc was not found: put it on PATH, or name it in CUDACXX")
    endif()
endif()
