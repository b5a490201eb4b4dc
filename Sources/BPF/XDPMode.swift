// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

/// Where in the receive path an XDP program runs.
public enum XDPMode: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// In the driver, before the kernel allocates a packet buffer (`XDP_FLAGS_DRV_MODE`).
    case native
    /// In the stack, after it; works on any interface and is slow (`XDP_FLAGS_SKB_MODE`).
    case skb
    /// On the card (`XDP_FLAGS_HW_MODE`).
    case hardware

    var flags: UInt32 {
        switch self {
        case .skb: 1 << 1
        case .native: 1 << 2
        case .hardware: 1 << 3
        }
    }

    public var description: String { rawValue }
}

/// The modes that may be used, in the order in which they are tried. There is no silent fallback: what the policy
/// does not list is not tried.
public struct XDPAttachPolicy: Sendable, Hashable, CustomStringConvertible {
    public let modes: [XDPMode]

    public static let native = XDPAttachPolicy(known: [.native])
    public static let skb = XDPAttachPolicy(known: [.skb])
    public static let nativeThenSKB = XDPAttachPolicy(known: [.native, .skb])

    private init(known modes: [XDPMode]) { self.modes = modes }

    /// Parses `native`, `skb`, `hardware` or a list such as `native,skb`.
    public init(_ text: String) throws(BPFError) {
        var modes: [XDPMode] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let word = part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
            guard let mode = XDPMode(rawValue: String(word)) else { throw Self.bad(text) }
            guard !modes.contains(mode) else {
                throw .badArgument(
                    subject: "XDP mode policy", found: "\"\(text)\"", expected: "\(mode) is listed twice")
            }
            modes.append(mode)
        }
        guard !modes.isEmpty else { throw Self.bad(text) }
        self.modes = modes
    }

    private static func bad(_ text: String) -> BPFError {
        .badArgument(
            subject: "XDP mode policy", found: "\"\(text)\"",
            expected: "one or more of native, skb, hardware, separated by commas, in order of preference "
                + "(for example native,skb)")
    }

    public var description: String { modes.map(\.rawValue).joined(separator: ",") }
}

/// A mode that was tried and not to be had.
public struct XDPRefusal: Sendable, Hashable, CustomStringConvertible {
    public var mode: XDPMode
    public var errno: KernelErrno
    /// What the driver or kernel said beside the number; links give none.
    public var message: String

    public var description: String { "\(mode): \(errno)" + (message.isEmpty ? "" : " \(message)") }
}

/// The program that holds an interface's XDP hook.
public struct XDPHolder: Sendable, Hashable, CustomStringConvertible {
    public var mode: XDPMode
    public var programID: UInt32
    public var programName: String
    public var programTag: String
    /// Set if a bpf_link holds it, which only its owner can give up.
    public var linkID: UInt32?
    /// Processes and pins that hold the link, where they could be found.
    public var linkHolders: [String]

    public var description: String {
        var text = "program \(programID) \(programName) tag \(programTag), mode \(mode)"
        if let linkID {
            let holders = linkHolders.isEmpty ? "an unknown owner" : linkHolders.joined(separator: ", ")
            text +=
                ", by bpf_link \(linkID) held by \(holders); "
                + "a link cannot be replaced from outside: stop its owner or remove its pin"
        } else {
            text += ", attached by netlink; detach it (ip link set dev … xdp off) or ask for replacement"
        }
        return text
    }
}

/// What the kernel says of an interface's XDP hook.
public struct XDPState: Sendable, Hashable {
    /// The program in each mode; a card can hold one in hardware beside another.
    public var programs: [XDPMode: UInt32]

    /// Asks the kernel by netlink, in the calling thread's network namespace.
    public init(interfaceIndex: UInt32) throws(BPFError) {
        // The query answers "no program" for an interface that is not there.
        var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
        guard if_indextoname(interfaceIndex, &name) != nil else {
            throw .failure(
                "RTM_GETLINK (XDP query)", on: "interface \(interfaceIndex)", KernelErrno(rawValue: ENODEV), needing: []
            )
        }
        var options = bpf_xdp_query_opts()
        // The struct ends in padding that Swift leaves as it is and the library wants to be zero.
        options.sz = MemoryLayout.offset(of: \bpf_xdp_query_opts.attach_mode).map { $0 + 1 } ?? 0
        let (status, _, text) = LibbpfLog.capture { bpf_xdp_query(Int32(bitPattern: interfaceIndex), 0, &options) }
        guard status == 0 else {
            throw .failure(
                "RTM_GETLINK (XDP query)", on: "interface \(interfaceIndex)", KernelErrno(rawValue: -status),
                needing: [], detail: text)
        }
        programs = [:]
        if options.drv_prog_id != 0 { programs[.native] = options.drv_prog_id }
        if options.skb_prog_id != 0 { programs[.skb] = options.skb_prog_id }
        if options.hw_prog_id != 0 { programs[.hardware] = options.hw_prog_id }
    }

    /// The mode in which a program is attached here.
    public func mode(ofProgram id: UInt32) -> XDPMode? { programs.first { $0.value == id }?.key }
}
