# AIC_C17: C17, POSIX and GNU interfaces.
AC_DEFUN([AIC_C17], [
  AC_MSG_CHECKING([whether $CC takes -std=gnu17])
  aic_save="$CFLAGS"; CFLAGS="$CFLAGS -std=gnu17"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes]); CC="$CC -std=gnu17"],
    [AC_MSG_RESULT([no]); AC_MSG_ERROR([a C17 compiler is needed (gcc 8 or clang 7 and later)])])
  CFLAGS="$aic_save"
])

# AIC_SLURM: installed headers (SPANK, libslurm) and a configured source tree (job_submit, jobcomp).
AC_DEFUN([AIC_SLURM], [
  AC_ARG_WITH([slurm], [AS_HELP_STRING([--with-slurm=DIR], [Slurm installation prefix, for DIR/include and DIR/lib @<:@/usr@:>@])],
    [], [with_slurm=/usr])
  AC_ARG_WITH([slurm-source], [AS_HELP_STRING([--with-slurm-source=DIR],
    [configured Slurm source tree of the exact release that runs (needed for job_submit/aic and jobcomp/aic)])],
    [], [with_slurm_source=no])
  AC_ARG_WITH([slurm-plugindir], [AS_HELP_STRING([--with-slurm-plugindir=DIR],
    [where Slurm plugins are installed @<:@LIBDIR/slurm@:>@])], [slurmplugindir="$withval"], [slurmplugindir='${libdir}/slurm'])
  AC_SUBST([slurmplugindir])
  have_slurm_headers=no; have_slurm_source=no; slurm_version=none
  aic_save="$CPPFLAGS"
  AS_IF([test "$with_slurm" != /usr], [SLURM_CFLAGS="-isystem $with_slurm/include"; SLURM_LIBS="-L$with_slurm/lib"], [SLURM_CFLAGS=; SLURM_LIBS=])
  CPPFLAGS="$CPPFLAGS $SLURM_CFLAGS"
  AC_CHECK_HEADER([slurm/spank.h], [have_slurm_headers=yes], [], [#include <slurm/slurm.h>])
  CPPFLAGS="$aic_save"
  SLURM_LIBS="$SLURM_LIBS -lslurm"
  AS_IF([test "$have_slurm_headers" = yes], [
    slurm_version=`printf '@%:@include <slurm/slurm.h>\nSLURM_VERSION_NUMBER\n' | $CC $SLURM_CFLAGS -E -dD - 2>/dev/null | awk '/define SLURM_VERSION_NUMBER / {print $[3]}'`
    slurm_version=`printf '%d.%02d.%d' $(( (slurm_version >> 16) & 255 )) $(( (slurm_version >> 8) & 255 )) $(( slurm_version & 255 ))`
  ])
  AS_IF([test "$with_slurm_source" != no], [
    AS_IF([test -f "$with_slurm_source/config.h" && test -f "$with_slurm_source/src/slurmctld/slurmctld.h"], [
      source_version=`awk -F'"' '/define SLURM_VERSION_STRING/ {print $[2]}' "$with_slurm_source/config.h"`
      AS_IF([test "$have_slurm_headers" = yes && test "$source_version" != "$slurm_version"],
        [AC_MSG_ERROR([the Slurm source in $with_slurm_source is $source_version, the installed headers are $slurm_version: give the source of $slurm_version])])
      slurm_version="$source_version"
      have_slurm_source=yes
      # Slurm's headers include "config.h" and must find Slurm's own, not ours: a directory that holds only that one.
      with_slurm_source=`cd "$with_slurm_source" && pwd`
      SLURM_SOURCE_CFLAGS="-iquote slurm-plugins/slurm-config -isystem $with_slurm_source"
    ], [AC_MSG_ERROR([$with_slurm_source is no configured Slurm source tree (config.h is missing): run its ./configure first])])
  ])
  # Slurm's internal library: unit tests of what handles Slurm's structs run on it.
  SLURMFULL_LIBS=
  for aic_lib in "$with_slurm"/lib/*/slurm*/libslurmfull.so "$with_slurm"/lib*/slurm/libslurmfull.so; do
    test -z "$SLURMFULL_LIBS" && test -f "$aic_lib" && SLURMFULL_LIBS="$aic_lib -Wl,-rpath,`dirname $aic_lib`"
  done
  AC_SUBST([SLURMFULL_LIBS])
  AM_CONDITIONAL([WITH_SLURMFULL], [test -n "$SLURMFULL_LIBS" && test "$have_slurm_source" = yes])
  AC_CONFIG_COMMANDS([slurm-plugins/slurm-config/config.h], [
    if test "$with_slurm_source" != no; then
      $MKDIR_P slurm-plugins/slurm-config
      printf '@%:@pragma GCC system_header\n@%:@include "%s/config.h"\n' "$with_slurm_source" > slurm-plugins/slurm-config/config.h
    fi
  ], [with_slurm_source='$with_slurm_source' MKDIR_P='$MKDIR_P'])
  AC_SUBST([SLURM_CFLAGS]) AC_SUBST([SLURM_LIBS]) AC_SUBST([SLURM_SOURCE_CFLAGS])
])

AC_DEFUN([AIC_CUDA], [
  AC_ARG_WITH([cuda], [AS_HELP_STRING([--with-cuda=DIR], [CUDA toolkit @<:@/usr/local/cuda if there@:>@, or no])],
    [], [with_cuda=/usr/local/cuda])
  have_cuda=no; have_nccl=no; NVCC=no
  AS_IF([test "$with_cuda" != no], [
    AC_PATH_PROG([NVCC], [nvcc], [no], [$with_cuda/bin$PATH_SEPARATOR$PATH])
    AS_IF([test "$NVCC" != no], [
      have_cuda=yes
      CUDA_HOME=`dirname "$NVCC"`; CUDA_HOME=`dirname "$CUDA_HOME"`
      CUDA_CFLAGS="-isystem $CUDA_HOME/include"
      CUDA_LIBS="-L$CUDA_HOME/lib64 -R$CUDA_HOME/lib64 -lcudart_static -lcublas -lstdc++ -lpthread -ldl -lrt"
      AS_IF([test -f "$CUDA_HOME/include/nccl.h" || test -f /usr/include/nccl.h], [have_nccl=yes; NCCL_LIBS=-lnccl; CUDA_CFLAGS="$CUDA_CFLAGS -DAIC_WITH_NCCL"])
    ])
  ])
  # D0 (training.md): no contraction, no flushing, division and square root rounded to nearest
  NVCC_FLAGS="-O3 -std=c++17 -fmad=false -ftz=false -prec-div=true -prec-sqrt=true"
  AC_ARG_VAR([NVCC_ARCH], [GPUs to compile for: nvcc's -gencode options])
  AS_IF([test -z "$NVCC_ARCH"], [NVCC_ARCH="-gencode arch=compute_80,code=compute_80 -gencode arch=compute_90,code=sm_90"])
  AC_SUBST([NVCC_FLAGS])
  AC_SUBST([NVCC]) AC_SUBST([CUDA_CFLAGS]) AC_SUBST([CUDA_LIBS]) AC_SUBST([NCCL_LIBS])
])

# AIC_SANITIZE: --enable-sanitize builds all that is not loaded into Slurm with ASan and UBSan.
AC_DEFUN([AIC_SANITIZE], [
  AC_ARG_ENABLE([sanitize], [AS_HELP_STRING([--enable-sanitize],
    [AddressSanitizer and UndefinedBehaviorSanitizer in everything that is not loaded into Slurm])],
    [], [enable_sanitize=no])
  AS_IF([test "$enable_sanitize" = yes],
    [SANITIZE_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g"],
    [SANITIZE_CFLAGS=])
  AC_ARG_ENABLE([fuzz], [AS_HELP_STRING([--enable-fuzz], [libFuzzer targets (make fuzz_programs); needs CC=clang])], [], [enable_fuzz=no])
  AS_IF([test "$enable_fuzz" = yes], [
    aic_save="$CFLAGS"; CFLAGS="$CFLAGS -fsanitize=fuzzer-no-link"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])], [], [AC_MSG_ERROR([--enable-fuzz needs CC=clang: $CC does not take -fsanitize=fuzzer])])
    CFLAGS="$aic_save"; enable_sanitize=yes
    SANITIZE_CFLAGS="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g"])
  AC_SUBST([SANITIZE_CFLAGS])
  AM_CONDITIONAL([WITH_FUZZ], [test "$enable_fuzz" = yes])
])

# AIC_STATIC: whether aic-ledger-verify can be one file that needs nothing of the machine it runs on. Debian has archives of all
# that it uses but libcbor, whose few files are compiled from a source tree.
AC_DEFUN([AIC_STATIC], [
  AC_ARG_WITH([libcbor-source], [AS_HELP_STRING([--with-libcbor-source=DIR],
    [libcbor source tree, for a static aic-ledger-verify where the system has no libcbor.a])], [], [with_libcbor_source=no])
  have_static=no; static_cbor=system; static_why="libcrypto.a, libsodium.a, libsqlite3.a or libc.a is missing"
  aic_save_LDFLAGS="$LDFLAGS"; aic_save_LIBS="$LIBS"
  LDFLAGS="$LDFLAGS -static"; LIBS="$SQLITE_LIBS $CRYPTO_LIBS $SODIUM_LIBS -lm"
  AS_IF([test "$enable_sanitize" = yes], [static_why="sanitizers need shared libraries"], [test "$have_sqlite" = yes], [
    AC_MSG_CHECKING([whether programs can be linked statically])
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <sqlite3.h>
#include <openssl/evp.h>
#include <sodium.h>]], [[return !EVP_sha256() || sodium_init() < 0 || sqlite3_libversion_number() < 0;]])], [have_static=yes])
    AC_MSG_RESULT([$have_static])
    AS_IF([test $have_static = yes], [
      LIBS="-lcbor -lm"
      AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <cbor.h>]], [[unsigned char b[9]; return !cbor_encode_uint(1, b, 9);]])], [],
        [AS_IF([test -f "$with_libcbor_source/src/cbor/streaming.c"],
          [static_cbor=source; with_libcbor_source=`cd "$with_libcbor_source" && pwd`],
          [have_static=no; static_why="there is no libcbor.a (--with-libcbor-source=DIR)"])])
    ])
  ])
  AS_IF([test $have_static = yes], [
    # what OpenSSL and SQLite could load at run time is never asked for
    LDFLAGS="$aic_save_LDFLAGS -Wl,--no-warnings"; LIBS=
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [aic_quiet=-Wl,--no-warnings], [aic_quiet=])
    STATIC_LDFLAGS="-all-static $aic_quiet"
    test $static_cbor = source && STATIC_LDFLAGS="$STATIC_LDFLAGS -Lstatic"
  ])
  LDFLAGS="$aic_save_LDFLAGS"; LIBS="$aic_save_LIBS"
  AC_SUBST([STATIC_LDFLAGS]) AC_SUBST([LIBCBOR_SOURCE], ["$with_libcbor_source"])
  AM_CONDITIONAL([WITH_STATIC], [test $have_static = yes])
  AM_CONDITIONAL([STATIC_CBOR_SOURCE], [test $have_static = yes && test $static_cbor = source])
])

AC_DEFUN([AIC_SUMMARY], [
  aic_row() { printf '  %-22s %-10s %s\n' "$[1]" "$[2]" "$[3]"; }
  aic_off() { test "$[1]" = yes || printf 'off: %s' "$[2]"; }
  echo
  echo "AIC $PACKAGE_VERSION"
  aic_row "OpenSSL, libsodium" yes ""
  aic_row "libyaml, libcbor" yes ""
  aic_row "MUNGE" yes ""
  aic_row "SQLite" "$have_sqlite" "`aic_off $have_sqlite 'aicledgerd, aicacctd, aic'`"
  aic_row "Slurm headers" "$have_slurm_headers" "$slurm_version `aic_off $have_slurm_headers 'spank_aic, aicacctd, aic'`"
  aic_row "Slurm source" "$have_slurm_source" "`aic_off $have_slurm_source 'job_submit/aic, jobcomp/aic (--with-slurm-source=DIR)'`"
  aic_row "OpenMPI" "$have_mpi" "`aic_off $have_mpi 'aic-run, aic-train'`"
  aic_row "jansson, libcurl" "$have_jansson,$have_curl" "`test $have_jansson$have_curl = yesyes || echo 'off: ledger.order etcd'`"
  aic_row "libmicrohttpd" "$have_httpd" "`aic_off $have_httpd 'ledger.archive.listen'`"
  aic_row "CUDA" "$have_cuda" "`aic_off $have_cuda 'GPU kernels'`"
  aic_row "NCCL" "$have_nccl" "`aic_off $have_nccl 'GPU collectives'`"
  aic_row "cmocka" "$have_cmocka" "`aic_off $have_cmocka 'unit tests (make check)'`"
  aic_row "static libraries" "$have_static" "`test $have_static = yes || echo "off: aic-ledger-verify without shared libraries: $static_why"`"
  aic_row "sanitizers" "$enable_sanitize" ""
  echo
])
