// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

/// What this kernel and this process have of what BPF work needs, each as a named fact.
public struct BPFFeatures: Sendable, Hashable {
    /// Release of the running kernel, as uname(2) says.
    public var kernelRelease: String
    /// Release of the BPF library, such as `v1.1`.
    public var libraryVersion: String
    public var bpfFileSystems: [BPFFileSystem.Mount]
    /// Effective capabilities among those BPF work asks for; nil if /proc cannot tell.
    public var capabilities: Set<Capability>?
    /// `/sys/kernel/btf/vmlinux` is there.
    public var hasKernelBTF: Bool
    /// `kernel.unprivileged_bpf_disabled`; nil if the kernel has no such setting.
    public var unprivilegedBPFDisabled: Int?
    public var possibleCPUs: Int
    /// The kernel loads XDP programs.
    public var hasXDP: Bool
    /// The kernel has BPF ring buffers.
    public var hasRingBuffer: Bool

    /// Looks. Nothing is changed; two throw-away objects are created in the kernel.
    public static func probe() -> BPFFeatures {
        LibbpfLog.prepare()
        var name = utsname()
        uname(&name)
        return BPFFeatures(
            kernelRelease: fixedString(name.release),
            libraryVersion: String(cString: libbpf_version_string()),
            bpfFileSystems: BPFFileSystem.mounts(),
            capabilities: Capability.effective(),
            hasKernelBTF: access("/sys/kernel/btf/vmlinux", R_OK) == 0,
            unprivilegedBPFDisabled: (try? SystemFile.read("/proc/sys/kernel/unprivileged_bpf_disabled"))
                .flatMap { Int($0.split(separator: "\n").first ?? "") },
            possibleCPUs: (try? Self.possibleCPUs()) ?? 0,
            hasXDP: LibbpfLog.capture { libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, nil) }.result == 1,
            hasRingBuffer: LibbpfLog.capture { libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, nil) }.result == 1)
    }

    /// The facts in words, one a line: name, value and, where something is missing, what would be right.
    public var facts: [Fact] {
        let mounts = bpfFileSystems.map { $0.path + ($0.isReadOnly ? " (read-only)" : "") }
        let missing = capabilities.map { held in Capability.missing(of: [.bpf, .netAdmin], held: held) } ?? []
        return [
            Fact(name: "kernel", value: kernelRelease, remedy: nil),
            Fact(name: "libbpf", value: libraryVersion, remedy: nil),
            Fact(
                name: "bpffs", value: mounts.isEmpty ? "not mounted" : mounts.joined(separator: ", "),
                remedy: bpfFileSystems.contains { !$0.isReadOnly } ? nil : "mount -t bpf bpf /sys/fs/bpf"),
            Fact(
                name: "capabilities",
                value: capabilities.map { $0.map(\.description).sorted().joined(separator: ", ") } ?? "unknown",
                remedy: missing.isEmpty
                    ? nil : "grant " + missing.map(\.description).joined(separator: ", ")),
            Fact(
                name: "kernel BTF", value: hasKernelBTF ? "present" : "absent",
                remedy: hasKernelBTF ? nil : "a kernel with CONFIG_DEBUG_INFO_BTF"),
            Fact(
                name: "XDP programs", value: hasXDP ? "yes" : "no", remedy: hasXDP ? nil : "CAP_BPF, a newer kernel"),
            Fact(
                name: "ring buffer", value: hasRingBuffer ? "yes" : "no",
                remedy: hasRingBuffer ? nil : "CAP_BPF and Linux 5.8 or newer"),
            Fact(name: "possible CPUs", value: "\(possibleCPUs)", remedy: nil),
        ]
    }

    public struct Fact: Sendable, Hashable {
        public var name: String
        public var value: String
        /// What to do if the fact stands in the way; nil if it does not.
        public var remedy: String?
    }

    /// The CPUs the kernel reserves per-CPU values for; not those online.
    public static func possibleCPUs() throws(BPFError) -> Int {
        let count = libbpf_num_possible_cpus()
        guard count > 0 else {
            throw .failure(
                "read", on: "/sys/devices/system/cpu/possible", KernelErrno(rawValue: -count), needing: [])
        }
        return Int(count)
    }
}
