// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import CLinux
import Tables

/// How a port is attached, for users: the mode in use, and what was refused before it.
public struct PortAttachment: Sendable, Hashable {
    public var port: PortID
    public var interfaceIndex: UInt32
    /// nil: bound without being attached (test runs).
    public var mode: XDPMode?
    public var linkID: UInt32?
    /// The modes that were put first and refused, each with the kernel's errno.
    public var refusals: [XDPRefusal]
}

extension XDPDataPlane {
    /// The program that is attached to ports.
    public func fastPathProgram() throws(BPFError) -> Program { try fastPath.program("xdp_fastpath") }

    /// Ports in order, with the interface each is and the mode in use.
    public var attachedPorts: [PortAttachment] {
        attachmentFacts.values.sorted { $0.port < $1.port }
    }

    /// Lets frames that arrive at an interface count as the port's, and sends the port's frames to it, without attaching: for
    /// test runs, and the first step of attaching. What is so already stays as it is, and packets see no gap.
    public func bind(_ port: PortID, interfaceIndex: UInt32, sends: Bool = true) throws(XDPDataPlaneError) {
        if let other = interfaceSlots[interfaceIndex], other.port != port,
            attachmentFacts[other.port]?.interfaceIndex == interfaceIndex
        {
            throw .interface(name: "\(interfaceIndex)", why: "it is port \(other.port.rawValue) already")
        }
        let slot = try slot(for: interfaceIndex)
        for (other, bound) in interfaceSlots where bound.port == port && other != interfaceIndex { forget(other) }
        do {
            if sends { try send(port, by: interfaceIndex) } else { clearDevices(port) }
        } catch {
            unbind(port)
            throw .kernel(error)
        }
        interfaceSlots[interfaceIndex] = InterfaceSlot(slot: slot, port: port)
        let word = fp_interface_slot(interfaceIndex, UInt32(recordInForce(port)))
        if memory_load_acquire64(fastPath.interfaces + slot) != word {
            memory_store_release64(fastPath.interfaces + slot, word)
        }
        if sends { sendingPorts.insert(port) } else { sendingPorts.remove(port) }
        attachmentFacts[port] = PortAttachment(
            port: port, interfaceIndex: interfaceIndex, mode: nil, linkID: nil, refusals: [])
    }

    /// The slot an interface has, or can have.
    private func slot(for interfaceIndex: UInt32) throws(XDPDataPlaneError) -> Int {
        if let known = interfaceSlots[interfaceIndex] { return known.slot }
        let start = Int(interfaceIndex) & (Int(FP_IFINDEX_SLOTS) - 1)
        guard let slot = (start..<start + Int(FP_IFINDEX_PROBES)).first(where: { fastPath.interfaces[$0] == 0 }) else {
            throw .noRoomForInterface(index: interfaceIndex)
        }
        return slot
    }

    /// Sends a port's frames by an interface.
    func send(_ port: PortID, by interfaceIndex: UInt32) throws(BPFError) {
        let index = UInt32(port.rawValue)
        let transmit = try fastPath.map("tx_ports")
        let sent = try transmit.device(at: index)
        if sent?.interfaceIndex != interfaceIndex || sent?.programID != nil {
            try transmit.setDevice(interfaceIndex, at: index)
        }
        let flood = try fastPath.map("flood_ports")
        let flooded = try flood.device(at: index)
        let egress = try fastPath.program("xdp_flood_egress")
        if flooded?.interfaceIndex != interfaceIndex || flooded?.programID != egress.id {
            try flood.setDevice(interfaceIndex, egress: egress, at: index)
        }
    }

    private func clearDevices(_ port: PortID) {
        _ = try? fastPath.map("tx_ports").clearDevice(at: UInt32(port.rawValue))
        _ = try? fastPath.map("flood_ports").clearDevice(at: UInt32(port.rawValue))
    }

    /// An interface is no port any more; the program, if attached, lets its frames pass.
    private func forget(_ interface: UInt32) {
        guard let bound = interfaceSlots.removeValue(forKey: interface) else { return }
        memory_store_release64(fastPath.interfaces + bound.slot, 0)
    }

    /// Attaches the fast path to an interface as a port, by the first mode of the policy that the kernel accepts.
    ///
    /// - Throws: `.kernel(.interfaceBusy)` when the interface carries another program, naming it, unless told to
    ///   replace that; `.kernel(.attachRefused)` with every mode's errno when none is accepted.
    @discardableResult
    public func attach(
        _ port: PortID, interfaceIndex: UInt32, policy: XDPAttachPolicy, replaceForeign: Bool = false
    ) throws(XDPDataPlaneError) -> PortAttachment {
        detach(port)
        // First what the program needs to know of the interface: it sees packets as soon as it is attached.
        try bind(port, interfaceIndex: interfaceIndex)
        do {
            let owner = LinkOwner(
                try XDPLink(
                    fastPathProgram(), interfaceIndex: interfaceIndex, policy: policy, replaceForeign: replaceForeign),
                policy, replaceForeign)
            if let directory = configuration.pinDirectory {
                try owner.link.pin(at: Self.linkPin(interfaceIndex, in: directory))
            }
            return take(port, owner)
        } catch {
            unbind(port)
            throw .kernel(error)
        }
    }

    /// Where the link of an interface is pinned.
    static func linkPin(_ interfaceIndex: UInt32, in directory: String) -> String {
        "\(directory)/link-\(interfaceIndex)"
    }

    /// Takes over the link an earlier process left pinned for this interface: no packet is lost, and none meets no program. If it
    /// runs another program, the present one takes its place. nil when there is no such link, or its interface is gone.
    /// - Parameters:
    ///   - policy: how to attach again, should the link be taken off; the mode it has now unless given.
    ///   - replaceForeign: then as in `attach`.
    public func adopt(
        _ port: PortID, interfaceIndex: UInt32, policy: XDPAttachPolicy? = nil, replaceForeign: Bool = false
    ) throws(XDPDataPlaneError) -> PortAttachment? {
        guard let directory = configuration.pinDirectory else { return nil }
        let path = Self.linkPin(interfaceIndex, in: directory)
        guard BPFFileSystem.names(in: directory).contains("link-\(interfaceIndex)") else { return nil }
        do {
            let link = try XDPLink(pinned: path)
            guard link.interfaceIndex == interfaceIndex else {
                // The interface is gone, and its index belongs to another one by now; or the link was taken off it.
                try BPFFileSystem.unpin(path)
                return nil
            }
            let mode = link.mode.flatMap { try? XDPAttachPolicy($0.rawValue) }
            return try takeOver(port, LinkOwner(link, policy ?? mode ?? .nativeThenSKB, replaceForeign))
        } catch let error as XDPDataPlaneError {
            throw error
        } catch let error as BPFError {
            throw .kernel(error)
        } catch {
            throw .interface(name: "\(interfaceIndex)", why: "\(error)")
        }
    }

    private func takeOver(_ port: PortID, _ owner: LinkOwner) throws -> PortAttachment {
        try bind(port, interfaceIndex: owner.link.interfaceIndex)
        do {
            if try owner.link.info().programID != fastPath.programID("xdp_fastpath") {
                try owner.link.update(to: fastPathProgram())
            }
        } catch {
            unbind(port)
            throw error
        }
        return take(port, owner)
    }

    /// Removes what no port holds: pins of links, with which what they held is detached; what interfaces of earlier ports left in
    /// the tables; and pinned sets other than the one in force. To be called when all ports have been bound.
    public func removeForeignPins() {
        for (interface, bound) in interfaceSlots where attachmentFacts[bound.port]?.interfaceIndex != interface {
            forget(interface)
        }
        if processor == nil {
            for number in 0...PortID.maximum where attachmentFacts[PortID(rawValue: number)] == nil {
                clearDevices(PortID(rawValue: number))
            }
        }
        guard let directory = configuration.pinDirectory else { return }
        let held = Set(links.values.map { $0.link.interfaceIndex })
        let sets = PinnedSets(directory: directory)
        for (interface, _) in sets.links() where !held.contains(interface) {
            try? BPFFileSystem.unpin(Self.linkPin(interface, in: directory))
        }
        for number in sets.numbers where number != pinnedSet { sets.drop(number) }
        sets.removeLeftovers()
    }

    /// Detaches all ports and removes what is pinned. What others have put into the directory stays, and the directory with it.
    public func detachAll() {
        // There is nothing left to try, and nothing to go back to.
        pendingReplacement = nil
        for port in Array(links.keys) { detach(port) }
        removeForeignPins()
        dropSet()
    }

    /// For a start that ends before a port is attached: removes the pins of tables this process has made. Those it has taken over
    /// stay as they are.
    public func abandon() {
        if links.isEmpty, !tookOver { dropSet() }
    }

    private func dropSet() {
        guard let directory = configuration.pinDirectory else { return }
        if let number = pinnedSet { PinnedSets(directory: directory).drop(number) }
        pinnedSet = nil
        BPFFileSystem.removeIfEmpty(directory)
    }

    @discardableResult
    func take(_ port: PortID, _ owner: LinkOwner) -> PortAttachment {
        let facts = PortAttachment(
            port: port, interfaceIndex: owner.link.interfaceIndex, mode: owner.link.mode, linkID: owner.link.id,
            refusals: owner.link.refusals)
        attachmentFacts[port] = facts
        links[port] = owner
        return facts
    }

    /// Takes the program off a port's interface. Frames then take the kernel's stack alone.
    public func detach(_ port: PortID) {
        unbind(port)
        guard let owner = links.removeValue(forKey: port) else { return }
        if let directory = configuration.pinDirectory {
            try? BPFFileSystem.unpin(Self.linkPin(owner.link.interfaceIndex, in: directory))
        }
    }

    /// Ends the binding of a port to its interface; the program, if attached, lets its frames pass from then on.
    public func unbind(_ port: PortID) {
        for (interface, bound) in interfaceSlots where bound.port == port { forget(interface) }
        clearDevices(port)
        sendingPorts.remove(port)
        attachmentFacts[port] = nil
    }
}

/// The owner of a link, so that a dictionary can hold it: links themselves cannot be copied.
final class LinkOwner {
    let link: XDPLink
    /// How it was attached, and is to be attached again.
    let policy: XDPAttachPolicy
    let replaceForeign: Bool

    init(_ link: consuming XDPLink, _ policy: XDPAttachPolicy, _ replaceForeign: Bool) {
        self.link = link
        (self.policy, self.replaceForeign) = (policy, replaceForeign)
    }
}
