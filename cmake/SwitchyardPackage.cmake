# Debian packages, by CPack: switchyard, and switchyard-cuda where the CUDA library is built. installer/package.sh makes them.
set(SWITCHYARD_MAINTAINER "The Switchyard authors <maintainers@switchyard.invalid>" CACHE STRING
    "Who answers for the packages, as Debian's control files have it: NAME <ADDRESS>")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME switchyard)
set(CPACK_PACKAGE_CONTACT "${SWITCHYARD_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own, as the first line of its description
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL desktop)
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/installer/linux/before_deb.cmake")

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_DESKTOP_PACKAGE_NAME switchyard)
set(CPACK_DEBIAN_DESKTOP_PACKAGE_SECTION science)
set(CPACK_DEBIAN_DESKTOP_PACKAGE_SHLIBDEPS ON)
# What is opened at run time, which nothing can see in the programs: the chats' database, icons, Qt's own words in Chinese.
set(CPACK_DEBIAN_DESKTOP_PACKAGE_DEPENDS "fonts-stix, hicolor-icon-theme, libqt6sql6-sqlite, libqt6svg6, qt6-translations-l10n")
# Without these Chinese is shown as boxes, or signs are missing in answers.
set(CPACK_DEBIAN_DESKTOP_PACKAGE_RECOMMENDS
    "fonts-wqy-microhei | fonts-noto-cjk, fonts-noto-core | fonts-dejavu, fonts-noto-color-emoji")
set(CPACK_DEBIAN_DESKTOP_PACKAGE_SUGGESTS "switchyard-cuda, qt6-wayland")
set(CPACK_DEBIAN_DESKTOP_DESCRIPTION "chat with language models on your own machine
Switchyard runs mixture-of-experts models, DeepSeek's families first, and
ordinary ones inside one window: no server, no account, and nothing leaves
the machine. It reads GGUF files and Hugging Face folders.

Its dials are live: the active experts, the precision of the weights and the
sampling can be moved while an answer is written, and plots show what each
move did to speed and memory.

The package has the desktop program, switchyard, and the same engine for the
command line, switchyard-cli.")

if(TARGET switchyard_cuda)
    # The oldest driver: of a generation for the cards that the library has code of, of its very version for newer cards,
    # whose code the driver makes itself.
    get_property(CUDA_VERSION GLOBAL PROPERTY SWITCHYARD_CUDA_VERSION)
    string(REGEX MATCH "^[0-9]+\\.[0-9]+" CUDA_VERSION "${CUDA_VERSION}")
    # "75-real;90" as NVIDIA's lists of cards have it: 7.5, 9.0
    string(REGEX REPLACE "([0-9]+)([0-9])(-[a-z]+)?" "\\1.\\2" CARDS "${SWITCHYARD_CUDA_ARCHITECTURES}")
    list(JOIN CARDS ", " CARDS)
    if(CUDA_VERSION VERSION_GREATER_EQUAL 13.0)
        set(DRIVER "driver 580 or newer")
    elseif(CUDA_VERSION VERSION_GREATER_EQUAL 12.9)
        set(DRIVER "driver 525 or newer, cards after Hopper driver 575 or newer")
    elseif(CUDA_VERSION VERSION_GREATER_EQUAL 12.8)
        set(DRIVER "driver 525 or newer, cards after Hopper driver 570 or newer")
    else()
        set(DRIVER "driver 525 or newer, and for cards after Hopper that of CUDA ${CUDA_VERSION}")
    endif()
    list(APPEND CPACK_COMPONENTS_ALL cuda)
    set(CPACK_DEBIAN_CUDA_PACKAGE_NAME switchyard-cuda)
    set(CPACK_DEBIAN_CUDA_PACKAGE_SECTION non-free/science)
    set(CPACK_DEBIAN_CUDA_PACKAGE_SHLIBDEPS ON)
    # Program and library are of one build.
    set(CPACK_DEBIAN_CUDA_PACKAGE_DEPENDS "switchyard (= ${PROJECT_VERSION})")
    set(CPACK_DEBIAN_CUDA_PACKAGE_ENHANCES switchyard)
    set(CPACK_DEBIAN_CUDA_DESCRIPTION "let Switchyard compute on NVIDIA cards
The library that Switchyard computes models on NVIDIA cards with, where it
finds one. It was built with CUDA ${CUDA_VERSION} and needs NVIDIA's
${DRIVER}.

It has code for cards of compute capability ${CARDS}
and what comes after them. NVIDIA's cuBLAS makes prompts quicker where it is
installed, and is not needed.")
endif()
include(CPack)
