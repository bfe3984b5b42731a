# Read by HDF5's own CMake project right after its `project` command; `xtask/bin/cmake` names this file to it.
#
# HDF5 writes the folders of its build into the library, and `calo` has that library inside. These folders mean nothing on
# another machine and are nobody's business there. `cargo xtask ci paths` searches the binary for them.

# Names of source files, in error messages and debug lines.
include(CheckCCompilerFlag)
check_c_compiler_flag(-ffile-prefix-map=/from=/to CALO_HAS_FILE_PREFIX_MAP)
if(CALO_HAS_FILE_PREFIX_MAP)
    add_compile_options(
        "-ffile-prefix-map=${CMAKE_BINARY_DIR}=hdf5/build"
        "-ffile-prefix-map=${CMAKE_SOURCE_DIR}=hdf5"
    )
endif()

# Where libhdf5 looks for plugins unless told, otherwise a folder below the build. calo-data switches plugins off; this is no
# folder, should someone switch them on again.
set(H5_DEFAULT_PLUGINDIR "/dev/null")

# The summary of the configuration, which names the folder of installation: HDF5's own empty one in its place.
cmake_language(DEFER CALL configure_file
    "${CMAKE_SOURCE_DIR}/src/H5build_settings.off.c.in" "${CMAKE_BINARY_DIR}/src/H5build_settings.c" COPYONLY)
