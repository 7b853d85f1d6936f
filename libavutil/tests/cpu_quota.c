/*
 * This file is part of FFmpeg.
 *
 * FFmpeg is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * FFmpeg is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with FFmpeg; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
 */

/**
 * @file
 * CPU quotas of cgroups as Linux shows them in files, written below a folder.
 *
 * usage: cpu_quota FOLDER
 */

#include "libavutil/cpu.c"

#ifdef __linux__
#include <sys/stat.h>

#define V2      "30 24 0:26 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate\n"
#define V1(root) "31 24 0:27 / /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n" \
                 "32 24 0:28 " root " /sys/fs/cgroup/cpu,cpuacct ro shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
#define PROC(cgroup, mountinfo) { "proc/self/cgroup", cgroup }, { "proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda rw\n" mountinfo }
#define CPU "sys/fs/cgroup/cpu,cpuacct"

static const struct {
    const char *what;
    int count;          ///< 0: no quota
    struct { const char *name, *text; } files[8];
} tests[] = {
    { "nothing at all", 0, { { NULL } } },
    { "v2, no quota", 0, { PROC("0::/\n", V2), { "sys/fs/cgroup/cpu.max", "max 100000\n" } } },
    { "v2, in a container", 4, { PROC("0::/\n", V2), { "sys/fs/cgroup/cpu.max", "400000 100000\n" } } },
    { "v2, a part of a CPU", 1, { PROC("0::/\n", V2), { "sys/fs/cgroup/cpu.max", "1000 100000\n" } } },
    { "v2, one and a half", 2, { PROC("0::/\n", V2), { "sys/fs/cgroup/cpu.max", "150000 100000\n" } } },
    { "v2, more than there is", INT_MAX, { PROC("0::/\n", V2), { "sys/fs/cgroup/cpu.max", "9223372036854775807 1\n" } } },
    { "v2, of its own", 3, { PROC("0::/a/b\n", V2), { "sys/fs/cgroup/a/b/cpu.max", "300000 100000\n" },
                             { "sys/fs/cgroup/a/cpu.max", "max 100000\n" } } },
    { "v2, of one above", 2, { PROC("0::/a/b\n", V2), { "sys/fs/cgroup/a/b/cpu.max", "300000 100000\n" },
                               { "sys/fs/cgroup/a/cpu.max", "50000 25000\n" } } },
    { "v2, of another one", 0, { PROC("0::/a\n", V2), { "sys/fs/cgroup/b/cpu.max", "300000 100000\n" } } },
    { "v2, outside of what is mounted", 5, { PROC("0::/../../x\n", V2), { "sys/fs/cgroup/cpu.max", "500000 100000\n" } } },
    { "v2, broken files", 0, { PROC("0::/\n", V2), { "sys/fs/cgroup/cpu.max", "100000 0\n" } } },
    { "v2, an empty file", 0, { PROC("0::/\n", V2), { "sys/fs/cgroup/cpu.max", "" } } },
    { "v1, no quota", 0, { PROC("4:cpuset:/\n5:cpu,cpuacct:/\n", V1("/")), { CPU "/cpu.cfs_quota_us", "-1\n" },
                           { CPU "/cpu.cfs_period_us", "100000\n" } } },
    { "v1, in a container", 2, { PROC("4:cpuset:/x\n5:cpu,cpuacct:/docker/1\n", V1("/docker/1")),
                                 { CPU "/cpu.cfs_quota_us", "200000\n" }, { CPU "/cpu.cfs_period_us", "100000\n" } } },
    { "v1, seen from the host", 3, { PROC("5:cpuacct,cpu:/docker/1\n", V1("/")),
                                     { CPU "/docker/1/cpu.cfs_quota_us", "250000\n" },
                                     { CPU "/docker/1/cpu.cfs_period_us", "100000\n" } } },
    { "v1, a name that begins alike", 7, { PROC("5:cpu:/docker/12\n", V1("/docker/1")),
                                           { CPU "/cpu.cfs_quota_us", "700000\n" },
                                           { CPU "/cpu.cfs_period_us", "100000\n" } } },
    { "v1, without a period", 0, { PROC("5:cpu:/\n", V1("/")), { CPU "/cpu.cfs_quota_us", "200000\n" } } },
    { "both, v1 has it", 2, { PROC("5:cpu:/\n0::/\n", V2 V1("/")), { CPU "/cpu.cfs_quota_us", "200000\n" },
                              { CPU "/cpu.cfs_period_us", "100000\n" } } },
    { "no newline, no colons", 0, { PROC("0", "30 24 0:26 / /sys/fs/cgroup - cgroup2"), { "sys/fs/cgroup/cpu.max", "1 1" } } },
};

/** Write a file below a folder, and the folders that lead to it. */
static int write_file(const char *folder, const char *name, const char *text)
{
    char path[1024];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0777);
        *slash = '/';
    }
    file = fopen(path, "w");
    if (!file) {
        perror(path);
        return 1;
    }
    fputs(text, file);
    return !!fclose(file);
}
#endif

int main(int argc, char **argv)
{
    int bad = 0;

#ifdef __linux__
    if (argc < 2) {
        fprintf(stderr, "usage: cpu_quota FOLDER\n");
        return 2;
    }
    for (int i = 0; i < FF_ARRAY_ELEMS(tests); i++) {
        const int expected = tests[i].count ? tests[i].count : INT_MAX;
        char folder[512];
        int count;

        snprintf(folder, sizeof(folder), "%s/%d", argv[1], i);
        for (int k = 0; k < FF_ARRAY_ELEMS(tests[i].files) && tests[i].files[k].name; k++)
            bad |= write_file(folder, tests[i].files[k].name, tests[i].files[k].text);
        count = get_cgroup_quota(folder);
        if (count != expected) {
            fprintf(stderr, "%s: %d CPUs instead of %d\n", tests[i].what, count, expected);
            bad = 1;
        }
    }
#endif
    return bad;
}
