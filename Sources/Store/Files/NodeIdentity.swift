// SPDX-License-Identifier: Apache-2.0
import Controller
import Glibc

/// Whose memory it is.
struct NodeIdentity: Hashable, Sendable {
    /// `node.name` of the configuration.
    var name: String
    /// Of the machine; nil where it has none.
    var machine: String?

    /// Why a memory written by `owner` is not this node's. A machine that is not known on either side is no reason.
    func problem(with owner: NodeIdentity, _ place: StorePlace) -> StoreProblem? {
        if owner.name != name { return .foreign(path: place.directory, owner: owner.name, node: name) }
        guard let theirs = owner.machine, let ours = machine, theirs != ours else { return nil }
        // Not the whole of it: machine-id(5) wants it kept to the machine.
        return .foreign(
            path: place.directory, owner: "\(owner.name) on machine \(theirs.prefix(8))…",
            node: "\(name) on machine \(ours.prefix(8))…")
    }
}

/// The machine's own number, made when it was installed (machine-id(5)).
public enum MachineID {
    /// nil if the file is not there or holds no such number.
    public static func current(path: String = "/etc/machine-id") -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(file, &bytes, bytes.count)
        let text = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self).prefix { !$0.isWhitespace }
        return text.utf8.count == 32 && text.allSatisfy(\.isHexDigit) ? String(text) : nil
    }
}
