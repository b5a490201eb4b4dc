// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Netlink

/// A card's CPU port, made into ports of the node: one cable whose frames carry a tag becomes a veth pair for each port of the card.
///
///     card ═══ eth0 ─ xdp_card_receive ──→ rt0-cpu ┄┄ rt0   programs, addresses, the kernel's stack
///                   ←── xdp_card_send at rt0-cpu ──┘
///
/// The outer end (`rt0`) is an interface like any other: the fast path is attached to it, the kernel has its addresses there.
/// Nobody has business at the inner end. With a pin directory all of it outlives the process, and the next one takes it
/// over without a frame lost; `release()` removes it. Everything happens in the network namespace of the calling thread.
public struct CardPort: ~Copyable {
    public let configuration: CardPortConfiguration
    let assembly: CardPortAssembly

    /// Makes what is not there, takes over what an earlier process left, and removes what it had and is not wanted any more. If
    /// that fails, what this call made is removed again; what was there before goes on, perhaps by the new settings.
    public init(_ configuration: CardPortConfiguration) throws(CardPortError) {
        try configuration.check()
        let assembly = try CardPortAssembly(configuration)
        do {
            try assembly.build()
        } catch {
            assembly.undo()
            throw error
        }
        self.configuration = configuration
        self.assembly = assembly
    }

    /// Counters and settings are those an earlier process left.
    public var isAdopted: Bool { assembly.programs.isAdopted }

    /// The CPU port, then the ports in the order of the configuration.
    public var attachments: [CardPortAttachment] { assembly.attachments }

    /// Every counter that is not 0.
    public func counts() throws(CardPortError) -> [CardCount] { try assembly.programs.counts(configuration.ports) }

    /// What is not as it should be, in sentences.
    public func complaints() -> [String] { assembly.complaints() }

    /// Tells a port's outer end whether the card's port has a link: without one the kernel sees no carrier there.
    public func setLink(_ isUp: Bool, of port: String) throws(CardPortError) { try assembly.setLink(isUp, of: port) }

    /// Detaches the programs, removes the veth pairs and the pins, and puts the CPU port back as it was.
    public consuming func release() throws(CardPortError) { try assembly.release() }
}

/// Where a program of a CPU port is.
public struct CardPortAttachment: Sendable, Hashable {
    /// The CPU port's interface, or a port's outer end.
    public var name: String
    public var interfaceIndex: UInt32
    /// Where the program is attached: the CPU port itself, or the port's inner end.
    public var programInterfaceIndex: UInt32
    public var mode: XDPMode?
    public var linkID: UInt32
    /// The link is an earlier process's.
    public var isAdopted: Bool
    /// The modes that were put first and refused.
    public var refusals: [XDPRefusal]
}
