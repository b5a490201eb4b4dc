// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Glibc
import Tables

// Where programs are in use: the links of the ports, the chain's last slot, and the ports frames are flooded to.
extension XDPDataPlane {
    /// Puts the programs of one fast path in the place of another's: all, or none.
    func switchPorts(from old: FastPath, to new: FastPath) throws(ReplacementError) {
        let (before, after): (FastPath.ProgramOwner, FastPath.ProgramOwner)
        do {
            (before, after) = (try old.owner(ofProgram: "xdp_fastpath"), try new.owner(ofProgram: "xdp_fastpath"))
        } catch {
            throw .kernel(error)
        }
        var switched: [PortID] = []
        func back() {
            for port in switched.reversed() {
                try? links[port]?.link.update(to: before.program, replacing: after.program)
            }
            _ = try? useEverywhere(old)
        }
        for port in links.keys.sorted() {
            guard let link = links[port] else { continue }
            do {
                // Expecting the old one: what another process has put there is not for us to remove.
                try link.link.update(to: after.program, replacing: before.program)
                switched.append(port)
            } catch  where isGone(link) {
                continue
            } catch {
                back()
                throw .port(number: port.rawValue, error)
            }
        }
        do { try useEverywhere(new) } catch {
            back()
            throw .kernel(error)
        }
    }

    /// Gives all ports a fast path's programs, whatever they have now; what cannot be done is told.
    func forcePorts(to fastPath: FastPath) {
        do {
            let program = try fastPath.program("xdp_fastpath")
            for (port, link) in links where !isGone(link) {
                do { try link.link.update(to: program) } catch { complain("port \(port.rawValue): \(error)") }
            }
            try useEverywhere(fastPath)
        } catch {
            complain("\(error)")
        }
    }

    /// The interface of a link has vanished; so has its program.
    private func isGone(_ owner: LinkOwner) -> Bool { (try? owner.link.info().interfaceIndex) == 0 }

    /// The programs that are not attached to ports.
    private func useEverywhere(_ fastPath: FastPath) throws(BPFError) {
        try fastPath.map("chain").setProgram(fastPath.program("xdp_resume"), at: UInt32(FP_CHAIN_SLOTS) - 1)
        let flood = try fastPath.map("flood_ports")
        let egress = try fastPath.program("xdp_flood_egress")
        for port in 0..<UInt32(FP_MAX_PORTS) {
            guard let device = try flood.device(at: port) else { continue }
            do { try flood.setDevice(device.interfaceIndex, egress: egress, at: port) } catch {
                // Gone between the two calls: the kernel takes such an entry out.
                if error.errno?.rawValue != ENODEV { throw error }
            }
        }
    }

    /// Pins what forwards now as a set of its own, then removes the set that it has taken the place of.
    func replacePins() throws(BPFError) {
        guard let directory = configuration.pinDirectory else { return }
        let sets = PinnedSets(directory: directory)
        let former = pinnedSet
        // Whole before the other goes. Links run this one's program already: a start in between takes this one.
        pinnedSet = try sets.add(fastPath)
        if let former { sets.drop(former) }
    }
}
