# What `cmake --install` puts where, in two components: desktop (both programs and all that belongs to them) and cuda (the
# library that computes on cards). Programs find everything from where they lie, so any prefix does.
include(GNUInstallDirs)
set(SWITCHYARD_ZSH_FOLDER "${CMAKE_INSTALL_DATADIR}/zsh/site-functions" CACHE STRING "Where zsh looks for completions")
set(DOCUMENTS "${CMAKE_INSTALL_DATAROOTDIR}/doc")
set(LINUX_FILES "${PROJECT_SOURCE_DIR}/installer/linux")

# The releases, from the headings of CHANGELOG.md: "## 0.1.0 (2026-11-29)". The newest is first.
file(STRINGS "${PROJECT_SOURCE_DIR}/CHANGELOG.md" HEADINGS REGEX "^## [0-9.]+ \\([0-9-]+\\)$")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS CHANGELOG.md)
set(RELEASES "")
foreach(HEADING ${HEADINGS})
    string(REGEX REPLACE "^## ([0-9.]+) \\(([0-9-]+)\\)$" "    <release version=\"\\1\" date=\"\\2\"/>" RELEASE "${HEADING}")
    list(APPEND RELEASES "${RELEASE}")
endforeach()
list(GET HEADINGS 0 NEWEST)
string(REGEX MATCH "[0-9]+-[0-9]+-[0-9]+" SWITCHYARD_DATE "${NEWEST}")
list(JOIN RELEASES "\n" SWITCHYARD_RELEASES)

# Manual pages, with what the programs themselves say of their options.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(PAGES "")
foreach(PROGRAM switchyard-cli switchyard)
    if(TARGET ${PROGRAM})
        set(PAGE "${PROJECT_BINARY_DIR}/installer/${PROGRAM}.1")
        add_custom_command(OUTPUT "${PAGE}"
            COMMAND ${Python3_EXECUTABLE} "${LINUX_FILES}/man_page.py" "${LINUX_FILES}/${PROGRAM}.1.in"
                "$<TARGET_FILE:${PROGRAM}>" ${PROJECT_VERSION} ${SWITCHYARD_DATE} > "${PAGE}"
            DEPENDS ${PROGRAM} "${LINUX_FILES}/man_page.py" "${LINUX_FILES}/${PROGRAM}.1.in" VERBATIM)
        list(APPEND PAGES "${PAGE}")
        # Beside the libraries that a self-contained archive brings; a search there comes first, and must hold for what
        # those libraries open too, which a RUNPATH does not.
        set_target_properties(${PROGRAM} PROPERTIES INSTALL_RPATH "$ORIGIN/../lib/switchyard" BUILD_WITH_INSTALL_RPATH ON)
        target_link_options(${PROGRAM} PRIVATE LINKER:--disable-new-dtags)
        install(TARGETS ${PROGRAM} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT desktop)
        install(FILES "${LINUX_FILES}/completions/${PROGRAM}" COMPONENT desktop
            DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
        install(FILES "${LINUX_FILES}/completions/_${PROGRAM}" COMPONENT desktop
            DESTINATION "${SWITCHYARD_ZSH_FOLDER}")
    endif()
endforeach()
# The program that reads documents for the window, which nobody starts by hand.
if(TARGET switchyard-read-document)
    set_target_properties(switchyard-read-document PROPERTIES INSTALL_RPATH "$ORIGIN/../../lib/switchyard"
        BUILD_WITH_INSTALL_RPATH ON)
    target_link_options(switchyard-read-document PRIVATE LINKER:--disable-new-dtags)
    install(TARGETS switchyard-read-document RUNTIME DESTINATION libexec/switchyard COMPONENT desktop)
endif()
install(FILES ${PAGES} DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT desktop)
add_custom_target(switchyard_pages ALL DEPENDS ${PAGES})

file(GLOB PLANS CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/resources/carve/*.plan")
install(FILES ${PLANS} DESTINATION "${CMAKE_INSTALL_DATADIR}/switchyard/carve" COMPONENT desktop)
install(FILES "${LINUX_FILES}/copyright" DESTINATION "${DOCUMENTS}/switchyard" COMPONENT desktop)

if(TARGET switchyard_cuda)
    # Where the programs look for it (engine/backends/cuda/device_library.cpp), whatever libraries' folder the system has.
    install(TARGETS switchyard_cuda LIBRARY DESTINATION lib/switchyard COMPONENT cuda)
    install(FILES "${LINUX_FILES}/copyright-cuda" RENAME copyright COMPONENT cuda
        DESTINATION "${DOCUMENTS}/switchyard-cuda")
endif()

if(TARGET switchyard)
    configure_file("${LINUX_FILES}/switchyard.metainfo.xml.in"
        "${PROJECT_BINARY_DIR}/installer/org.switchyard.switchyard.metainfo.xml" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/installer/org.switchyard.switchyard.metainfo.xml" COMPONENT desktop
        DESTINATION "${CMAKE_INSTALL_DATADIR}/metainfo")
    install(FILES "${LINUX_FILES}/switchyard.desktop" DESTINATION "${CMAKE_INSTALL_DATADIR}/applications" COMPONENT desktop)
    install(FILES "${LINUX_FILES}/switchyard-mime.xml" RENAME switchyard.xml COMPONENT desktop
        DESTINATION "${CMAKE_INSTALL_DATADIR}/mime/packages")

    # The icon, drawn at every size from the one that the window has.
    add_executable(render_icon "${LINUX_FILES}/render_icon.cpp")
    target_link_libraries(render_icon PRIVATE switchyard_options Qt6::Svg)
    set(ICON "${PROJECT_SOURCE_DIR}/resources/icons/switchyard.svg")
    set(THEME "${CMAKE_INSTALL_DATADIR}/icons/hicolor")
    install(FILES "${ICON}" DESTINATION "${THEME}/scalable/apps" COMPONENT desktop)
    set(ICONS "")
    set(DRAWN "")
    foreach(SIZE 16 22 24 32 48 64 128 256 512)
        set(FILE "${PROJECT_BINARY_DIR}/installer/icons/${SIZE}.png")
        list(APPEND ICONS "${FILE}")
        list(APPEND DRAWN ${SIZE} "${FILE}")
        install(FILES "${FILE}" DESTINATION "${THEME}/${SIZE}x${SIZE}/apps" RENAME switchyard.png COMPONENT desktop)
    endforeach()
    file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/installer/icons")
    add_custom_command(OUTPUT ${ICONS} COMMAND render_icon "${ICON}" ${DRAWN} DEPENDS render_icon "${ICON}" VERBATIM)
    add_custom_target(switchyard_icons ALL DEPENDS ${ICONS})
endif()
