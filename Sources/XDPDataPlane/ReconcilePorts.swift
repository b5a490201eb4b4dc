// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Glibc
import Tables

// What is under the tables: the maps of interfaces and programs, the pins, the links that hold the programs on the ports.
extension XDPDataPlane {
    // MARK: Maps of interfaces and programs

    func reconcileDevices(_ pass: inout ReconcilePass) {
        for (port, facts) in attachmentFacts where sendingPorts.contains(port) {
            pass.report.checked += 2
            // The kernel takes an interface that goes out of these maps; its port is the link's business.
            guard Self.exists(facts.interfaceIndex) else { continue }
            do {
                let sent = try fastPath.map("tx_ports").device(at: UInt32(port.rawValue))
                let flooded = try fastPath.map("flood_ports").device(at: UInt32(port.rawValue))
                let isSent = sent?.interfaceIndex == facts.interfaceIndex && sent?.programID == nil
                let isFlooded =
                    flooded?.interfaceIndex == facts.interfaceIndex
                    && flooded?.programID == fastPath.programID("xdp_flood_egress")
                if isSent && isFlooded { continue }
                var failure: String?
                if pass.repairs {
                    do { try send(port, by: facts.interfaceIndex) } catch { failure = "\(error)" }
                }
                for (name, isRight, there) in [("tx_ports", isSent, sent), ("flood_ports", isFlooded, flooded)]
                where !isRight {
                    pass.add(
                        there == nil ? .missing : .altered, nil, "\(name) of port \(port.rawValue)", failure: failure)
                }
            } catch {
                pass.add(.missing, nil, "tx_ports of port \(port.rawValue)", failure: "\(error)")
            }
        }
        reconcileUnboundDevices(&pass)
        reconcileChain(&pass)
    }

    private static func exists(_ interfaceIndex: UInt32) -> Bool {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(IF_NAMESIZE)) {
            if_indextoname(interfaceIndex, $0.baseAddress) != nil
        }
    }

    /// Ports that nobody has bound send nowhere; but those of an earlier process go on until they are bound or given up, and test
    /// runs send everything to loopback.
    private func reconcileUnboundDevices(_ pass: inout ReconcilePass) {
        guard processor == nil else { return }
        let left = Set(interfaceSlots.values.map(\.port))
        for number in 0...PortID.maximum {
            let port = PortID(rawValue: number)
            if sendingPorts.contains(port) || (left.contains(port) && attachmentFacts[port] == nil) { continue }
            for name in ["tx_ports", "flood_ports"] {
                do {
                    let map = try fastPath.map(name)
                    guard try map.device(at: UInt32(number)) != nil else { continue }
                    if pass.repairs { try map.clearDevice(at: UInt32(number)) }
                    pass.add(.extra, nil, "\(name) of port \(number)")
                } catch {
                    pass.add(.extra, nil, "\(name) of port \(number)", failure: "\(error)")
                }
            }
        }
    }

    private func reconcileChain(_ pass: inout ReconcilePass) {
        pass.report.checked += 1
        let last = UInt32(FP_CHAIN_SLOTS) - 1
        do {
            let chain = try fastPath.map("chain")
            let there = try chain.programID(at: last)
            if there == fastPath.programID("xdp_resume") { return }
            var failure: String?
            if pass.repairs {
                do { try chain.setProgram(fastPath.program("xdp_resume"), at: last) } catch { failure = "\(error)" }
            }
            pass.add(there == nil ? .missing : .altered, nil, "chain slot \(last)", failure: failure)
        } catch {
            pass.add(.missing, nil, "chain slot \(last)", failure: "\(error)")
        }
    }

    // MARK: Pins

    /// Pins of others in the directory are theirs.
    func reconcilePins(_ pass: inout ReconcilePass) {
        // A program that is being tried is not pinned.
        guard let directory = configuration.pinDirectory, let number = pinnedSet, pendingReplacement == nil else {
            return
        }
        let sets = PinnedSets(directory: directory)
        let path = sets.path(number)
        // A program that is being tried is not pinned.
        let fastPath = pendingReplacement?.former ?? fastPath
        let pins = fastPath.pins
        pass.report.checked += pins.count
        // Without the folder, or with the file system unmounted, one sentence says it all.
        guard sets.numbers.contains(number) else {
            var failure: String?
            if pass.repairs {
                do { try sets.add(fastPath, as: number) } catch { failure = "\(error)" }
            }
            pass.add(.missing, nil, "pin \(path)", failure: failure)
            return
        }
        for pin in pins {
            let there = Self.pinned(pin.isProgram, "\(path)/\(pin.name)")
            if there == pin.id { continue }
            var failure: String?
            if pass.repairs {
                do {
                    try BPFFileSystem.unpin("\(path)/\(pin.name)")
                    try fastPath.pin(pin.name, in: path)
                } catch {
                    failure = "\(error)"
                }
            }
            pass.add(there == nil ? .missing : .altered, nil, "pin \(path)/\(pin.name)", failure: failure)
        }
    }

    /// The kernel's id of what is pinned; 0 for something of another kind, nil for nothing.
    private static func pinned(_ isProgram: Bool, _ path: String) -> UInt32? {
        do {
            return isProgram ? try Program(pinned: path).id : try BPFMap(pinned: path).id
        } catch {
            return error.errno == .noEntry ? nil : 0
        }
    }

    // MARK: Links

    /// Compares what holds the program on each bound port's interface, and its pin, with what this process has attached, and repairs
    /// if asked. An interface that is gone is told of and left to whoever binds ports.
    public func reconcileLinks(repair: Bool) -> ReconcileReport {
        var pass = ReconcilePass(repairs: repair)
        for port in links.keys.sorted() {
            pass.report.checked += 1
            reconcileLink(port, &pass)
            reconcileLinkPin(port, &pass)
        }
        return pass.report
    }

    private func reconcileLink(_ port: PortID, _ pass: inout ReconcilePass) {
        guard let owner = links[port], let facts = attachmentFacts[port] else { return }
        let subject = "link of port \(port.rawValue)"
        let own = fastPath.programID("xdp_fastpath")
        do {
            let info = try owner.link.info()
            guard info.interfaceIndex != 0 else {
                let carried = try? XDPState(interfaceIndex: facts.interfaceIndex)
                guard carried != nil else {
                    let gone = "interface \(facts.interfaceIndex) is gone"
                    pass.add(.missing, nil, subject, failure: pass.repairs ? gone : nil)
                    return
                }
                var failure: String?
                if pass.repairs {
                    do { try attachAgain(port, owner, facts.interfaceIndex) } catch { failure = "\(error)" }
                }
                pass.add(.missing, nil, subject, "it was taken off its interface", failure: failure)
                return
            }
            if info.programID != own {
                var failure: String?
                if pass.repairs {
                    do { try owner.link.update(to: fastPathProgram()) } catch { failure = "\(error)" }
                }
                pass.add(
                    .altered, nil, "program of port \(port.rawValue)",
                    "program \(info.programID) in place of \(own)", failure: failure)
            }
        } catch {
            pass.add(.missing, nil, subject, failure: "\(error)")
        }
    }

    /// The interface may carry another program by now; it is named in the error, and stays unless it may be replaced.
    private func attachAgain(_ port: PortID, _ owner: LinkOwner, _ interfaceIndex: UInt32) throws(BPFError) {
        let link = try XDPLink(
            fastPathProgram(), interfaceIndex: interfaceIndex, policy: owner.policy,
            replaceForeign: owner.replaceForeign)
        let again = LinkOwner(link, owner.policy, owner.replaceForeign)
        take(port, again)
        guard let directory = configuration.pinDirectory else { return }
        try BPFFileSystem.unpin(Self.linkPin(interfaceIndex, in: directory))
        try again.link.pin(at: Self.linkPin(interfaceIndex, in: directory))
    }

    private func reconcileLinkPin(_ port: PortID, _ pass: inout ReconcilePass) {
        guard let owner = links[port], let directory = configuration.pinDirectory,
            let facts = attachmentFacts[port], (try? owner.link.info())?.interfaceIndex == facts.interfaceIndex
        else { return }
        let path = Self.linkPin(facts.interfaceIndex, in: directory)
        var there: UInt32?
        do { there = try XDPLink(pinned: path).id } catch { there = error.errno == .noEntry ? nil : 0 }
        if there == owner.link.id { return }
        var failure: String?
        if pass.repairs {
            do {
                try BPFFileSystem.createDirectory(directory)
                try BPFFileSystem.unpin(path)
                try owner.link.pin(at: path)
            } catch {
                failure = "\(error)"
            }
        }
        pass.add(there == nil ? .missing : .altered, nil, "pin \(path)", failure: failure)
    }
}
