# Shared settings of every target: warnings, sanitizers, ccache, and short ways to declare libraries and tests.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
    if(SWITCHYARD_PCH)
        # As its manual asks for where headers are precompiled: it looks at what they are made of, not when.
        set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
            CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime "${CCACHE_PROGRAM}")
    endif()
endif()
find_package(Threads REQUIRED)

add_library(switchyard_options INTERFACE)
target_compile_options(switchyard_options INTERFACE -Wall -Wextra -Werror -ffp-contract=off)
# GCC 12 warns of overlapping copies in its own std::string (GCC bug 105651).
target_compile_options(switchyard_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
target_include_directories(switchyard_options INTERFACE "${PROJECT_SOURCE_DIR}")
if(SWITCHYARD_SANITIZE)
    target_compile_options(switchyard_options INTERFACE -fsanitize=${SWITCHYARD_SANITIZE}
                           -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(switchyard_options INTERFACE -fsanitize=${SWITCHYARD_SANITIZE})
endif()

if(SWITCHYARD_FUZZ)
    target_compile_options(switchyard_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# switchyard_library(NAME [LIBS ...]): a static library of every .cpp file in the folder (not its subfolders).
function(switchyard_library NAME)
    cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
    file(GLOB SOURCES CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp" "${CMAKE_CURRENT_SOURCE_DIR}/*.h")
    if(NOT SOURCES)
        add_library(${NAME} INTERFACE)
        target_link_libraries(${NAME} INTERFACE switchyard_options Threads::Threads ${ARG_LIBS})
        return()
    endif()
    add_library(${NAME} STATIC ${SOURCES})
    set_target_properties(${NAME} PROPERTIES LINKER_LANGUAGE CXX)
    target_link_libraries(${NAME} PUBLIC switchyard_options Threads::Threads ${ARG_LIBS})
endfunction()

# Qt targets refuse implicit conversions that hide encoding mistakes.
function(switchyard_qt TARGET)
    set_target_properties(${TARGET} PROPERTIES AUTOMOC ON AUTORCC ON)
    target_compile_definitions(${TARGET} PRIVATE QT_NO_CAST_FROM_ASCII QT_NO_CAST_TO_ASCII QT_NO_URL_CAST_FROM_STRING
        QT_NO_CAST_FROM_BYTEARRAY QT_NO_NARROWING_CONVERSIONS_IN_CONNECT QT_NO_FOREACH QT_NO_KEYWORDS)
endfunction()

# switchyard_gtest(NAME [LIBS ...]): every *_test.cpp of the folder in one GoogleTest program, one CTest test a case.
function(switchyard_gtest NAME)
    cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
    file(GLOB SOURCES CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp")
    if(NOT SOURCES)
        return()
    endif()
    add_executable(${NAME} ${SOURCES})
    target_link_libraries(${NAME} PRIVATE switchyard_options ${ARG_LIBS} GTest::gtest GTest::gtest_main)
    target_compile_definitions(${NAME} PRIVATE SWITCHYARD_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data"
        SWITCHYARD_TEST_WORK="${PROJECT_BINARY_DIR}/test-data")
    gtest_discover_tests(${NAME} DISCOVERY_TIMEOUT 60
        PROPERTIES TIMEOUT 300 ENVIRONMENT "XDG_CACHE_HOME=${CMAKE_BINARY_DIR}/tests/cache")
endfunction()

# switchyard_precompiled(NAME HEADER LIBS ...): what HEADER includes, compiled once for the Qt Test programs that have
# PRECOMPILED NAME and the same libraries. Each file still includes what it needs: SWITCHYARD_PCH may be off.
function(switchyard_precompiled NAME HEADER)
    cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
    if(NOT SWITCHYARD_PCH)
        return()
    endif()
    # A program too, for the flags are those of programs.
    set(SOURCE "${CMAKE_CURRENT_BINARY_DIR}/${NAME}.cpp")
    file(CONFIGURE OUTPUT "${SOURCE}" CONTENT "int main() {}\n")
    add_executable(${NAME} "${SOURCE}")
    switchyard_qt(${NAME})
    set_target_properties(${NAME} PROPERTIES AUTOMOC OFF AUTORCC OFF UNITY_BUILD OFF)
    target_link_libraries(${NAME} PRIVATE switchyard_options ${ARG_LIBS} Qt6::Test)
    target_precompile_headers(${NAME} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/${HEADER}")
    target_compile_options(${NAME} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>) # for ccache
endfunction()

# switchyard_qtest(FILE LIBS ... [PRECOMPILED NAME]): one Qt Test program a file, run without a display.
function(switchyard_qtest FILE)
    cmake_parse_arguments(ARG "" "PRECOMPILED" "LIBS" ${ARGN})
    get_filename_component(NAME ${FILE} NAME_WE)
    add_executable(${NAME} ${FILE})
    switchyard_qt(${NAME})
    # One file has nothing to be joined with.
    set_target_properties(${NAME} PROPERTIES UNITY_BUILD OFF)
    target_link_libraries(${NAME} PRIVATE switchyard_options ${ARG_LIBS} Qt6::Test)
    target_compile_definitions(${NAME} PRIVATE SWITCHYARD_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data"
        SWITCHYARD_TEST_WORK="${PROJECT_BINARY_DIR}/test-data")
    if(TARGET "${ARG_PRECOMPILED}")
        target_precompile_headers(${NAME} REUSE_FROM ${ARG_PRECOMPILED})
        target_compile_options(${NAME} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
        # Made by moc beside nothing else: there is nothing in it to be quicker.
        set_source_files_properties("${CMAKE_CURRENT_BINARY_DIR}/${NAME}_autogen/mocs_compilation.cpp"
            PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    endif()
    add_test(NAME ${NAME} COMMAND ${NAME})
    set_tests_properties(${NAME} PROPERTIES TIMEOUT 300 ENVIRONMENT "QT_QPA_PLATFORM=offscreen;SWITCHYARD_CUDA_LIBRARY=;XDG_CACHE_HOME=${CMAKE_BINARY_DIR}/tests/cache")
endfunction()
