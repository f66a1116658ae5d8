/** Which cgroup controllers a machine has, from its mounts. */
import { describe, expect, test } from "bun:test";
import { type CgroupLayout, layoutOf } from "../../src/linux/cgroup/detect.ts";
import { parseMountinfo } from "../../src/linux/mountinfo.ts";
import { MACHINES, type Machine } from "../support/unit-fixtures.ts";

function detect({ mountinfo, files }: Machine): { kind: CgroupLayout["kind"]; places: object } {
  const { kind, controllers } = layoutOf(parseMountinfo(mountinfo), (path) => files[path] ?? "");
  const places = [...controllers].map(([name, { version, mountPoint }]) => [
    name,
    `v${version} ${mountPoint}`,
  ]);
  return { kind, places: Object.fromEntries(places) };
}

describe("layoutOf", () => {
  test("version 1 alone, with cpu and cpuacct in one hierarchy", () => {
    expect(detect(MACHINES.v1)).toEqual({
      kind: "v1",
      places: {
        memory: "v1 /sys/fs/cgroup/memory",
        cpu: "v1 /sys/fs/cgroup/cpu,cpuacct",
        pids: "v1 /sys/fs/cgroup/pids",
      },
    });
  });

  test("version 2 alone has every controller in one place", () => {
    expect(detect(MACHINES.v2)).toEqual({
      kind: "v2",
      places: { memory: "v2 /sys/fs/cgroup", cpu: "v2 /sys/fs/cgroup", pids: "v2 /sys/fs/cgroup" },
    });
  });

  test("systemd's hybrid: the controllers are version 1's though version 2 is mounted", () => {
    expect(detect(MACHINES.hybrid)).toEqual({ kind: "hybrid", places: detect(MACHINES.v1).places });
  });

  test("a controller that version 1 does not hold is found in version 2", () => {
    expect(detect(MACHINES.mixed)).toEqual({
      kind: "hybrid",
      places: {
        memory: "v2 /sys/fs/cgroup/unified",
        cpu: "v1 /sys/fs/cgroup/cpu,cpuacct",
        pids: "v1 /sys/fs/cgroup/pids",
      },
    });
  });

  test("in a docker container that lacks the pids controller, pids is missing and not invented", () => {
    expect(detect(MACHINES.dockerV1)).toEqual({
      kind: "v1",
      places: { memory: "v1 /sys/fs/cgroup/memory", cpu: "v1 /sys/fs/cgroup/cpu,cpuacct" },
    });
  });

  test("WSL 2: cpu is the hierarchy of cpu, not that of cpuset or cpuacct", () => {
    expect(detect(MACHINES.wsl2)).toEqual({
      kind: "hybrid",
      places: {
        memory: "v1 /sys/fs/cgroup/memory",
        cpu: "v1 /sys/fs/cgroup/cpu",
        pids: "v1 /sys/fs/cgroup/pids",
      },
    });
  });

  test("a machine without cgroups has none", () => {
    expect(detect(MACHINES.none)).toEqual({ kind: "none", places: {} });
  });

  test("version 2 that may not hand a controller down does not have it", () => {
    const files = { "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu pids\n" };
    expect(detect({ ...MACHINES.v2, files }).places).toEqual({
      cpu: "v2 /sys/fs/cgroup",
      pids: "v2 /sys/fs/cgroup",
    });
  });

  test("cpuset alone does not pass for cpu", () => {
    const files = { "/sys/fs/cgroup/cgroup.controllers": "cpuset\n" };
    expect(detect({ ...MACHINES.v2, files }).places).toEqual({});
  });

  test("three controllers mounted together share one directory", () => {
    const mountinfo = "1 0 0:1 / /cg rw - cgroup cgroup rw,memory,cpu,pids\n";
    expect(detect({ mountinfo, files: {} })).toEqual({
      kind: "v1",
      places: { memory: "v1 /cg", cpu: "v1 /cg", pids: "v1 /cg" },
    });
  });
});
