# Warnings, sanitizers and hardening: for every target of ours, through the interface library bx_flags.
add_library(bx_flags INTERFACE)
target_include_directories(bx_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(bx_flags INTERFACE _FILE_OFFSET_BITS=64)
target_compile_options(bx_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef
  -Wvla -Wcast-qual -Wwrite-strings -Wswitch-enum -Wdouble-promotion -Wnull-dereference -Wimplicit-fallthrough
  -Wno-missing-field-initializers # what a row does not name is zero: that is what designated initialisers are for
  $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation> # snprintf cuts where its line says so; GCC cannot tell
  $<$<C_COMPILER_ID:Clang>:-Wno-enum-float-conversion> # an enum's constant is a number with a name
  $<$<C_COMPILER_ID:GNU>:-Wlogical-op -Wduplicated-cond -Wduplicated-branches>
  $<$<BOOL:${BX_WERROR}>:-Werror>
  -fno-common)

if(BX_SANITIZE)
  target_compile_options(bx_flags INTERFACE -fsanitize=${BX_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(bx_flags INTERFACE -fsanitize=${BX_SANITIZE})
endif()

if(BX_HARDEN)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  target_compile_options(bx_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fPIE)
  target_link_options(bx_flags INTERFACE -pie -Wl,-z,relro,-z,now)
endif()
