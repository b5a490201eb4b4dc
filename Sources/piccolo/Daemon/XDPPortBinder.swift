// SPDX-License-Identifier: Apache-2.0
import BPF
import Controller
import Tables
import XDPDataPlane

/// Attaches the XDP data plane to the interfaces behind the ports, taking over what an earlier process left attached.
final class XDPPortBinder: PortBinder {
    private let plane: XDPDataPlane
    private let replaceForeign: Bool
    private var bindings: [PortBinding] = []
    private var held: [PortID: PortBinding] = [:]
    private var known: [PortID: Controller.PortAttachment] = [:]

    init(_ plane: XDPDataPlane, replaceForeign: Bool) {
        (self.plane, self.replaceForeign) = (plane, replaceForeign)
    }

    func bind(_ ports: [PortBinding]) -> [Controller.PortAttachment] {
        bindings = ports
        let wanted = Dictionary(ports.map { ($0.port, $0) }) { first, _ in first }
        for (port, binding) in held where wanted[port].map({ !Self.sameHold($0, binding) }) ?? true {
            plane.detach(port)
            held[port] = nil
            known[port] = nil
        }
        // Where tables are fresh and programs of an earlier process still forward, the first port that gets the new program sends
        // to all others at once.
        for binding in ports where held[binding.port] == nil {
            if let index = binding.interfaceIndex { try? plane.bind(binding.port, interfaceIndex: index) }
        }
        let attachments = ports.map { binding in
            if held[binding.port] != nil, let attachment = known[binding.port] { return attachment }
            let attachment = attach(binding)
            if attachment.mode != nil { held[binding.port] = binding }
            known[binding.port] = attachment
            return attachment
        }
        plane.removeForeignPins()
        return attachments
    }

    func reconcile(repair: Bool) -> (attachments: [Controller.PortAttachment], report: ReconcileReport) {
        var report = plane.reconcileLinks(repair: repair)
        // What could not be attached may be free by now.
        if repair {
            for binding in bindings where binding.interfaceIndex != nil && held[binding.port] == nil {
                let attachment = attach(binding)
                known[binding.port] = attachment
                guard attachment.mode != nil else { continue }
                held[binding.port] = binding
                report.add(Discrepancy(.missing, table: nil, subject: "program of port \(binding.name)"))
            }
        }
        return (bindings.compactMap { known[$0.port] }, report)
    }

    /// The name does not matter: the program stays where it is when an interface is renamed.
    private static func sameHold(_ a: PortBinding, _ b: PortBinding) -> Bool {
        a.interfaceIndex == b.interfaceIndex && a.attach == b.attach
    }

    private func attach(_ binding: PortBinding) -> Controller.PortAttachment {
        guard let index = binding.interfaceIndex else {
            return .init(port: binding.port, mode: nil, reason: "there is no interface \(binding.interface)")
        }
        do {
            let policy = try XDPAttachPolicy(binding.attach.map(\.rawValue).joined(separator: ","))
            let facts =
                try plane.adopt(binding.port, interfaceIndex: index)
                ?? plane.attach(binding.port, interfaceIndex: index, policy: policy, replaceForeign: replaceForeign)
            let refusals = facts.refusals.map(\.description).joined(separator: "; ")
            return .init(
                port: binding.port, mode: facts.mode.flatMap { Configuration.AttachMode(rawValue: $0.rawValue) },
                reason: refusals.isEmpty ? nil : refusals)
        } catch {
            plane.unbind(binding.port)
            return .init(port: binding.port, mode: nil, reason: "\(error)")
        }
    }
}
