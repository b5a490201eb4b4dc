// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Netlink

/// The parts of a CPU port and how they are put together: programs, veth pairs, maps, links, the CPU port's own settings.
final class CardPortAssembly {
    let configuration: CardPortConfiguration
    let programs: CardPortPrograms
    var netlink: NetlinkSocket
    let cpu: NetworkLink
    private let mtus: [String: UInt32]
    private let watch: SendWatch?

    var ends: [CardPortEnds] = []
    /// By the index of the interface the program is attached to.
    var links: [UInt32: LinkOwner] = [:]
    private var newLinks: Set<UInt32> = []
    private var notes: [String] = []

    init(_ configuration: CardPortConfiguration) throws(CardPortError) {
        self.configuration = configuration
        do throws(NetlinkError) {
            netlink = try NetlinkSocket()
            cpu = try netlink.link(named: configuration.interface)
        } catch NetlinkError.notFound {
            throw .noInterface(configuration.interface)
        } catch { throw .netlink(error) }
        mtus = try configuration.mtus(available: cpu.mtu)
        do {
            programs = try CardPortPrograms.start(configuration)
            watch = try? SendWatch(transmit: programs.devices, flood: programs.devices)
        } catch {
            if let directory = configuration.pinDirectory { BPFFileSystem.removeIfEmpty(directory) }
            throw .kernel(error)
        }
    }

    var cpuIndex: UInt32 { UInt32(bitPattern: cpu.index) }

    // MARK: Building

    /// In an order in which a frame never meets half of it: maps before programs, programs before the ports are up, the CPU
    /// port's own program last. Where all is there already nothing is written.
    func build() throws(CardPortError) {
        // Up first: before, a veth does not know whether it transmits XDP frames (drivers/net/veth.c, veth_open). The kernel has no
        // use for frames of the tag's type.
        try netlinking { () throws(NetlinkError) in try netlink.setUp(cpu.index) }
        for port in configuration.ports {
            ends.append(try netlink.cardPortEnds(port, mtu: mtus[port.name] ?? 0))
        }
        let sends = try sendPolicy()
        try netlinking { () throws(NetlinkError) in for end in ends { try netlink.configure(end) } }
        let before = try kernel { () throws(BPFError) in try programs.settings.lookup(0) } ?? card_settings()
        let stale = try kernel { () throws(BPFError) in try writeMaps(before) }
        try kernel { () throws(BPFError) in
            for end in ends { try hold(programs.send, at: UInt32(bitPattern: end.inner), sends) }
        }
        try netlinking { () throws(NetlinkError) in
            for end in ends {
                try netlink.setUp(end.inner)
                try netlink.setUp(end.outer)
            }
        }
        try kernel { () throws(BPFError) in try hold(programs.receive, at: cpuIndex, configuration.receives) }
        try changeCPUPort(before)
        noteRoom()
        removeStale(stale)
    }

    /// An Ethernet cable's usual MTU leaves ports less than the usual one.
    private func noteRoom() {
        let usual: UInt32 = 1500
        guard cpu.mtu == usual, let port = configuration.ports.first(where: { mtus[$0.name] ?? usual < usual }),
            let mtu = mtus[port.name]
        else { return }
        notes.append(
            "frames of \(mtu + 14) bytes are the longest at \(port.name), since \(cpu.name) carries a tag with each: for an MTU of \(usual), ip link set \(cpu.name) mtu \(2 * usual - mtu), and start again"
        )
    }

    /// Native programs may only redirect to a driver that transmits XDP frames.
    private func sendPolicy() throws(CardPortError) -> XDPAttachPolicy {
        if let policy = configuration.sends { return policy }
        let features = try netlinking { () throws(NetlinkError) in try XDPFeatures.of(interfaceIndex: cpuIndex) }
        return features?.contains(.transmit) ?? false ? .native : .skb
    }

    /// Attaches a program, or takes over the link that an earlier process left pinned for the interface.
    private func hold(
        _ program: borrowing Program, at interface: UInt32, _ policy: XDPAttachPolicy
    ) throws(BPFError) {
        if let found = try pinnedLink(interface, policy) {
            if try found.info().programID != program.id { try found.update(to: program) }
            links[interface] = LinkOwner(found, policy, false)
            return
        }
        let link = try XDPLink(program, interfaceIndex: interface, policy: policy)
        if let path = pin(interface) { try link.pin(at: path) }
        links[interface] = LinkOwner(link, policy, false)
        newLinks.insert(interface)
    }

    /// A pinned link that is still of this interface, and in a mode that will do. Any other one is given up.
    private func pinnedLink(_ interface: UInt32, _ policy: XDPAttachPolicy) throws(BPFError) -> XDPLink? {
        guard let directory = configuration.pinDirectory, let path = pin(interface),
            BPFFileSystem.names(in: directory).contains("link-\(interface)")
        else { return nil }
        let link = try XDPLink(pinned: path)
        if link.interfaceIndex == interface, let mode = link.mode, policy.modes.contains(mode) { return link }
        try BPFFileSystem.unpin(path)
        if link.interfaceIndex == interface { try link.forceDetach() }
        return nil
    }

    func pin(_ interface: UInt32) -> String? {
        configuration.pinDirectory.map { XDPDataPlane.linkPin(interface, in: $0) }
    }

    // MARK: Maps

    /// Writes what differs.
    /// - Returns: inner ends of ports that there are no more.
    private func writeMaps(_ before: card_settings) throws(BPFError) -> [UInt32] {
        var settings = card_settings()
        settings.abi_version = UInt32(CARD_ABI_VERSION)
        if configuration.untagged == .kernel { settings.flags |= UInt32(CARD_UNTAGGED_PASS) }
        // A driver takes a VLAN tag more than its MTU says (net/core/dev.c, xdp_ok_fwd_dev).
        settings.maximum_frame = cpu.mtu + 14 + 4
        settings.confirmation = UInt32(configuration.confirmation)
        (settings.cpu_interface, settings.cpu_restore) = (before.cpu_interface, before.cpu_restore)
        try programs.settings.update(0, settings)

        var devices = [UInt32(CARD_CPU_DEVICE): cpuIndex]
        var ingress: [UInt32: UInt32] = [:]
        var egress: [UInt32: UInt32] = [:]
        for end in ends {
            let (number, inner) = (UInt32(end.port.egress), UInt32(bitPattern: end.inner))
            devices[number] = inner
            egress[inner] = number
            for value in end.port.ingress { ingress[UInt32(value)] = number + 1 }
        }
        for slot in 0...UInt32(CARD_CPU_DEVICE) {
            let found = try programs.devices.device(at: slot)?.interfaceIndex
            guard found != devices[slot] else { continue }
            if let device = devices[slot] {
                try programs.devices.setDevice(device, at: slot)
            } else {
                try programs.devices.clearDevice(at: slot)
            }
        }
        for value in 0..<UInt32(CARD_INGRESS_VALUES) {
            let wanted = ingress[value] ?? 0
            if try programs.ingress.lookup(value)?.port_plus_one != wanted {
                try programs.ingress.update(value, card_ingress(port_plus_one: wanted))
            }
        }
        var stale: [UInt32] = []
        try programs.egress.forEachKey { key throws(BPFError) in if egress[key] == nil { stale.append(key) } }
        for key in stale { try programs.egress.remove(key) }
        for (inner, number) in egress where try programs.egress.lookup(inner)?.port != number {
            try programs.egress.update(inner, card_egress(port: number))
        }
        return stale
    }

    // MARK: The CPU port itself

    /// What the CPU port must be like; what it was like is written down first, for whoever gives it back.
    private func changeCPUPort(_ before: card_settings) throws(CardPortError) {
        if before.cpu_interface != 0, before.cpu_interface != cpuIndex { restoreCPUPort(before) }
        var restore = before.cpu_interface == cpuIndex ? before.cpu_restore : 0
        // Frames are for the ports' addresses, which the driver knows nothing of.
        if !cpu.isPromiscuous { restore |= UInt32(CARD_RESTORE_PROMISCUOUS) }
        // In skb mode a sum over the frame as received, tag and all, would be taken for that of the frame without it.
        let isGeneric = links[cpuIndex].map { $0.link.mode == .skb } ?? false
        let sums = isGeneric && (try? netlink.offload(.receiveChecksum, of: cpu.name)) == true
        if sums { restore |= UInt32(CARD_RESTORE_RX_CHECKSUM) }
        try kernel { () throws(BPFError) in
            var settings = try programs.settings.lookup(0) ?? card_settings()
            (settings.cpu_interface, settings.cpu_restore) = (cpuIndex, restore)
            try programs.settings.update(0, settings)
        }
        try netlinking { () throws(NetlinkError) in
            if !cpu.isPromiscuous { try netlink.setPromiscuous(true, of: cpu.index) }
        }
        if sums {
            do { try netlink.setOffload(.receiveChecksum, false, of: cpu.name) } catch {
                notes.append(
                    "\(error); TCP and UDP for the node itself may be summed up anew, and the kernel may warn of it")
            }
        }
    }

    /// Puts back what was changed at the interface that is, or was, the CPU port. One that is gone needs nothing.
    func restoreCPUPort(_ settings: card_settings) {
        let index = Int32(bitPattern: settings.cpu_interface)
        guard let name = try? netlink.link(index: index).name else { return }
        if settings.cpu_restore & UInt32(CARD_RESTORE_PROMISCUOUS) != 0 {
            try? netlink.setPromiscuous(false, of: index)
        }
        if settings.cpu_restore & UInt32(CARD_RESTORE_RX_CHECKSUM) != 0 {
            try? netlink.setOffload(.receiveChecksum, true, of: name)
        }
    }

    // MARK: State

    var attachments: [CardPortAttachment] {
        let own = [(cpu.name, cpuIndex, cpuIndex)]
        let ports = ends.map { ($0.port.name, UInt32(bitPattern: $0.outer), UInt32(bitPattern: $0.inner)) }
        return (own + ports).compactMap { name, index, program in
            guard let owner = links[program] else { return nil }
            return CardPortAttachment(
                name: name, interfaceIndex: index, programInterfaceIndex: program, mode: owner.link.mode,
                linkID: owner.link.id, isAdopted: !newLinks.contains(program), refusals: owner.link.refusals)
        }
    }

    func complaints() -> [String] {
        let lost = (ends.map { ($0.port.name, UInt32($0.port.egress)) } + [(cpu.name, UInt32(CARD_CPU_DEVICE))])
            .compactMap { name, slot -> String? in
                guard let (frames, code) = watch?.lost(at: slot) else { return nil }
                return "\(frames) frames that were to go to \(name) were lost in the kernel (\(code))"
            }
        return notes + lost
    }

    func setLink(_ isUp: Bool, of port: String) throws(CardPortError) {
        guard let end = ends.first(where: { $0.port.name == port }) else { throw .noInterface(port) }
        try netlinking { () throws(NetlinkError) in
            if isUp { try netlink.setUp(end.inner) } else { try netlink.setDown(end.inner) }
        }
    }

    /// Takes back what this process made.
    func undo() {
        for interface in newLinks { drop(interface) }
        for end in ends where end.isNew { try? netlink.deleteLink(end.outer) }
        if programs.isNewSet, let number = programs.set { CardPortPrograms.sets(configuration)?.drop(number) }
        if let directory = configuration.pinDirectory { BPFFileSystem.removeIfEmpty(directory) }
    }

    /// Gives a link up: without another holder the program is detached.
    func drop(_ interface: UInt32) {
        if let path = pin(interface) { try? BPFFileSystem.unpin(path) }
        links[interface] = nil
    }
}

func netlinking<T>(_ body: () throws(NetlinkError) -> T) throws(CardPortError) -> T {
    do { return try body() } catch { throw .netlink(error) }
}

func kernel<T>(_ body: () throws(BPFError) -> T) throws(CardPortError) -> T {
    do { return try body() } catch { throw .kernel(error) }
}
