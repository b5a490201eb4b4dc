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
    /// test runs, and the first step of attaching.
    public func bind(_ port: PortID, interfaceIndex: UInt32, sends: Bool = true) throws(XDPDataPlaneError) {
        unbind(port)
        if let other = interfaceSlots[interfaceIndex] {
            throw .interface(name: "\(interfaceIndex)", why: "it is port \(other.port.rawValue) already")
        }
        let start = Int(interfaceIndex) & (Int(FP_IFINDEX_SLOTS) - 1)
        guard let slot = (start..<start + Int(FP_IFINDEX_PROBES)).first(where: { fastPath.interfaces[$0] == 0 }) else {
            throw .noRoomForInterface(index: interfaceIndex)
        }
        if sends {
            do {
                let transmit = try fastPath.map("tx_ports")
                try transmit.setDevice(interfaceIndex, at: UInt32(port.rawValue))
                let flood = try fastPath.map("flood_ports")
                let egress = try fastPath.program("xdp_flood_egress")
                try flood.setDevice(interfaceIndex, egress: egress, at: UInt32(port.rawValue))
            } catch {
                throw .kernel(error)
            }
        }
        let record = UInt32(port.rawValue) + (portBanks[port] ?? 0) * UInt32(FP_MAX_PORTS)
        interfaceSlots[interfaceIndex] = (slot, port)
        memory_store_release64(fastPath.interfaces + slot, fp_interface_slot(interfaceIndex, record))
        attachmentFacts[port] = PortAttachment(
            port: port, interfaceIndex: interfaceIndex, mode: nil, linkID: nil, refusals: [])
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
                    fastPathProgram(), interfaceIndex: interfaceIndex, policy: policy, replaceForeign: replaceForeign))
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

    /// Takes over the link an earlier process left pinned for this interface, putting the present program in place of its own:
    /// no packet is lost, and none meets no program. nil when there is no such link, or its interface is gone.
    public func adopt(_ port: PortID, interfaceIndex: UInt32) throws(XDPDataPlaneError) -> PortAttachment? {
        guard let directory = configuration.pinDirectory else { return nil }
        let path = Self.linkPin(interfaceIndex, in: directory)
        guard BPFFileSystem.names(in: directory).contains("link-\(interfaceIndex)") else { return nil }
        do {
            let owner = LinkOwner(try XDPLink(pinned: path))
            guard owner.link.interfaceIndex == interfaceIndex else {
                // The interface is gone, and its index belongs to another one by now.
                try BPFFileSystem.unpin(path)
                return nil
            }
            return try takeOver(port, owner)
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
            try owner.link.update(to: fastPathProgram())
        } catch {
            unbind(port)
            throw error
        }
        return take(port, owner)
    }

    /// Removes the pins of links that no port holds: those of interfaces that are gone, or no longer ports. What they held is
    /// detached.
    public func removeForeignPins() {
        guard let directory = configuration.pinDirectory else { return }
        let held = Set(links.values.map { "link-\($0.link.interfaceIndex)" })
        for name in BPFFileSystem.names(in: directory) where name.hasPrefix("link-") && !held.contains(name) {
            try? BPFFileSystem.unpin("\(directory)/\(name)")
        }
    }

    /// Detaches all ports and removes what is pinned.
    public func detachAll() {
        for port in Array(links.keys) { detach(port) }
        removeForeignPins()
        if let directory = configuration.pinDirectory { try? BPFFileSystem.removeDirectory(directory) }
    }

    private func take(_ port: PortID, _ owner: LinkOwner) -> PortAttachment {
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
        for (interface, bound) in interfaceSlots where bound.port == port {
            memory_store_release64(fastPath.interfaces + bound.slot, 0)
            interfaceSlots[interface] = nil
        }
        _ = try? fastPath.map("tx_ports").clearDevice(at: UInt32(port.rawValue))
        _ = try? fastPath.map("flood_ports").clearDevice(at: UInt32(port.rawValue))
        attachmentFacts[port] = nil
    }
}

/// The owner of a link, so that a dictionary can hold it: links themselves cannot be copied.
final class LinkOwner {
    let link: XDPLink
    init(_ link: consuming XDPLink) { self.link = link }
}
