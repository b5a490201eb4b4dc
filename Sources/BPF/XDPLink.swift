// SPDX-License-Identifier: Apache-2.0
import CBPF
import CLinux
import Glibc

/// An XDP program's hold on an interface by bpf_link. Closing it (deinit) detaches, unless a pin keeps the link.
public struct XDPLink: ~Copyable, Sendable {
    private let descriptor: FileDescriptor
    public let interfaceIndex: UInt32
    /// The kernel's id of the link.
    public let id: UInt32
    /// The mode in use; nil for a link reopened where the interface is not to be seen.
    public let mode: XDPMode?
    /// The modes the policy put first and that were refused.
    public let refusals: [XDPRefusal]

    /// Attaches a program, trying the policy's modes in order.
    ///
    /// A link cannot take the place of a program attached by netlink; with `replaceForeign` that program is detached
    /// first, compared by identity so that no other one is hit, and the interface is without a program for that moment.
    public init(
        _ program: borrowing Program, interfaceIndex: UInt32, policy: XDPAttachPolicy, replaceForeign: Bool = false
    ) throws(BPFError) {
        let state = try XDPState(interfaceIndex: interfaceIndex)
        for (mode, holder) in state.programs {
            let holder = try XDPHolder(mode: mode, programID: holder, interfaceIndex: interfaceIndex)
            guard replaceForeign, holder.linkID == nil else {
                throw .interfaceBusy(interfaceIndex: interfaceIndex, holder: holder)
            }
            try Self.detachForeign(holder, interfaceIndex)
        }
        let attached = try Self.attach(program, interfaceIndex, policy)
        let descriptor = FileDescriptor(owning: attached.fd)
        let id = try LinkInfo(fd: attached.fd).id
        self.descriptor = descriptor
        self.interfaceIndex = interfaceIndex
        self.id = id
        mode = attached.mode
        refusals = attached.refusals
    }

    private static func attach(
        _ program: borrowing Program, _ interfaceIndex: UInt32, _ policy: XDPAttachPolicy
    ) throws(BPFError) -> (fd: Int32, mode: XDPMode, refusals: [XDPRefusal]) {
        var refusals: [XDPRefusal] = []
        for mode in policy.modes {
            var options = bpf_link_create_opts()
            options.sz = MemoryLayout<bpf_link_create_opts>.size
            options.flags = mode.flags
            let fd = bpf_link_create(program.fd, Int32(bitPattern: interfaceIndex), BPF_XDP, &options)
            if fd >= 0 { return (fd, mode, refusals) }
            let code = KernelErrno(rawValue: -fd)
            if code == .notPermitted {
                throw .failure(
                    "bpf(BPF_LINK_CREATE)", on: "interface \(interfaceIndex)", code, needing: [.netAdmin, .bpf])
            }
            refusals.append(XDPRefusal(mode: mode, errno: code, message: ""))
        }
        throw .attachRefused(interfaceIndex: interfaceIndex, program: program.name, refusals: refusals)
    }

    /// Opens a pinned link.
    public init(pinned path: String) throws(BPFError) {
        let descriptor = try BPFFileSystem.open(path, kind: .link)
        let info = try LinkInfo(fd: descriptor.raw)
        guard info.type == BPF_LINK_TYPE_XDP.rawValue else {
            throw .badArgument(subject: "pin \(path)", found: "link of type \(info.type)", expected: "an XDP link")
        }
        self.descriptor = descriptor
        self.interfaceIndex = info.interfaceIndex
        self.id = info.id
        self.mode = (try? XDPState(interfaceIndex: info.interfaceIndex))?.mode(ofProgram: info.programID)
        self.refusals = []
    }

    /// Puts another program in place of the present one: every packet meets one or the other.
    public func update(to program: borrowing Program) throws(BPFError) {
        let status = bpf_link_update(descriptor.raw, program.fd, nil)
        guard status == 0 else {
            throw .failure(
                "bpf(BPF_LINK_UPDATE) to program \(program.name)", on: "link \(id) of interface \(interfaceIndex)",
                KernelErrno(rawValue: -status), needing: [.bpf, .netAdmin])
        }
    }

    /// As ``update(to:)``, but only if `old` is what is attached: someone else's update in between is not undone.
    public func update(to program: borrowing Program, replacing old: borrowing Program) throws(BPFError) {
        var options = bpf_link_update_opts()
        options.sz = MemoryLayout<bpf_link_update_opts>.size
        options.flags = 1 << 2  // BPF_F_REPLACE
        options.old_prog_fd = UInt32(bitPattern: old.fd)
        let status = bpf_link_update(descriptor.raw, program.fd, &options)
        guard status == 0 else {
            throw .failure(
                "bpf(BPF_LINK_UPDATE) from program \(old.name) to \(program.name)",
                on: "link \(id) of interface \(interfaceIndex)", KernelErrno(rawValue: -status),
                needing: [.bpf, .netAdmin])
        }
    }

    /// What the kernel says now. The interface index is 0 once the interface is gone.
    public func info() throws(BPFError) -> LinkInfo { try LinkInfo(fd: descriptor.raw) }

    /// Keeps the link, and with it the attachment, at a path on a BPF file system.
    public func pin(at path: String) throws(BPFError) {
        try BPFFileSystem.pin(descriptor.raw, "XDP link of interface \(interfaceIndex)", at: path)
    }

    /// Detaches now, even if pins or other processes hold the link.
    public consuming func forceDetach() throws(BPFError) {
        let status = bpf_link_detach(descriptor.raw)
        guard status == 0 else {
            throw .failure(
                "bpf(BPF_LINK_DETACH)", on: "link \(id) of interface \(interfaceIndex)",
                KernelErrno(rawValue: -status), needing: [.bpf, .netAdmin])
        }
    }

    private static func detachForeign(_ holder: XDPHolder, _ interfaceIndex: UInt32) throws(BPFError) {
        let program = try Program(id: holder.programID)
        var options = bpf_xdp_attach_opts()
        // Without the padding at the end, which Swift leaves as it is and the library wants to be zero.
        options.sz =
            MemoryLayout.offset(of: \bpf_xdp_attach_opts.old_prog_fd).map { $0 + MemoryLayout<Int32>.size } ?? 0
        options.old_prog_fd = program.fd
        let (status, _, text) = LibbpfLog.capture {
            bpf_xdp_detach(Int32(bitPattern: interfaceIndex), holder.mode.flags, &options)
        }
        guard status == 0 else {
            throw .failure(
                "RTM_SETLINK (XDP detach of \(holder.programName))", on: "interface \(interfaceIndex)",
                KernelErrno(rawValue: -status), needing: [.netAdmin], detail: text)
        }
    }
}

/// What the kernel says of a link.
public struct LinkInfo: Sendable, Hashable {
    public var id: UInt32
    /// `enum bpf_link_type`.
    public var type: UInt32
    public var programID: UInt32
    /// Of an XDP link; 0 once the interface is gone, and for other links.
    public var interfaceIndex: UInt32

    init(fd: Int32) throws(BPFError) {
        var info = bpf_link_info()
        var length = UInt32(MemoryLayout<bpf_link_info>.size)
        guard bpf_obj_get_info_by_fd(fd, &info, &length) == 0 else {
            throw .failure("bpf(BPF_OBJ_GET_INFO_BY_FD)", on: "link descriptor \(fd)")
        }
        id = info.id
        type = info.type
        programID = info.prog_id
        interfaceIndex = info.type == BPF_LINK_TYPE_XDP.rawValue ? info.xdp.ifindex : 0
    }
}

extension XDPHolder {
    init(mode: XDPMode, programID: UInt32, interfaceIndex: UInt32) throws(BPFError) {
        self.mode = mode
        self.programID = programID
        // Without CAP_SYS_ADMIN the id is all there is to tell.
        let info = (try? Program(id: programID))?.info
        programName = info?.name ?? "(unknown)"
        programTag = info?.tag ?? "(unknown)"
        linkID = nil
        linkHolders = []
        for link in BPFInventory.links()
        where link.type == BPF_LINK_TYPE_XDP.rawValue && link.programID == programID
            && link.interfaceIndex == interfaceIndex
        {
            linkID = link.id
            linkHolders = BPFInventory.holders(ofLink: link.id)
        }
    }
}
