// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Packet

/// An object file that can be the fast path's program: it has the programs and maps this version works with, laid out as this
/// version lays them out. Whether the kernel's verifier takes it shows when it is loaded.
public struct FastPathImage: Sendable, Hashable {
    public let bytes: [UInt8]
    /// SHA-256 of the file in hex, as `sha256sum` prints it.
    public var digest: String { Self.text(words) }
    let words: [UInt64]

    /// - Throws: `FastPathImageError`, which names what is missing or other than it must be.
    public init(_ bytes: [UInt8]) throws(FastPathImageError) {
        self.init(unchecked: bytes)
        try check()
    }

    private init(unchecked bytes: [UInt8]) {
        self.bytes = bytes
        let digest = SHA256.digest(of: bytes)
        words = (0..<4).map { word in
            digest[word * 8..<word * 8 + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    /// The program that is part of this one.
    public static let embedded: Result<FastPathImage, FastPathImageError> = Result { () throws(FastPathImageError) in
        let bytes: [UInt8]
        do throws(BPFError) { bytes = try FastPath.embeddedImage() } catch { throw .notAnObject(error) }
        return FastPathImage(unchecked: bytes)
    }

    /// A digest kept as four words in the order of its bytes.
    static func text(_ words: [UInt64]) -> String {
        words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) } }
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    // MARK: Checking

    private func check() throws(FastPathImageError) {
        let object = try open()
        let programs = Set(object.programNames)
        let missingPrograms = FastPath.programNames.filter { !programs.contains($0) }
        guard missingPrograms.isEmpty else { throw .missing(kind: "program", names: missingPrograms) }
        let maps = Set(object.mapNames.compactMap(FastPath.pinName))
        let missingMaps = FastPath.mapNames.filter { !maps.contains($0) }
        guard missingMaps.isEmpty else { throw .missing(kind: "map", names: missingMaps) }
        let version: UInt32
        do { version = try object.global("fp_abi_version", as: UInt32.self) } catch {
            throw .missing(kind: "constant", names: ["fp_abi_version"])
        }
        guard version == UInt32(FP_ABI_VERSION) else {
            throw .layout(version: version, known: UInt32(FP_ABI_VERSION))
        }
        let missing = FastPath.constantSizes.filter { !object.hasGlobal($0.name, bytes: $0.bytes) }.map(\.name)
        guard missing.isEmpty else { throw .missing(kind: "constant", names: missing) }
        for map in FastPath.sizedMaps {
            let declared = try declaration(of: map, in: object)
            var wanted = declared
            (wanted.type, wanted.keySize, wanted.maxEntries, wanted.flags) = (.array, 4, 1, MappedArray.mmapable)
            guard declared == wanted else {
                throw .map(name: map, found: declared.description, expected: wanted.description)
            }
        }
    }

    /// Whether what a running fast path has and cannot be moved is as this object would make it.
    func check(against running: FastPath) throws(FastPathImageError) {
        let object = try open()
        for map in FastPath.fixedMaps {
            guard let existing = running.declaration(of: map) else { continue }
            var declared = try declaration(of: map, in: object)
            // A ring of another size does as well: it stays the one that is read.
            if existing.type == .ringBuffer { declared.maxEntries = existing.maxEntries }
            guard declared == existing else {
                throw .map(name: map, found: declared.description, expected: existing.description)
            }
        }
    }

    private func open() throws(FastPathImageError) -> OpenObject {
        do { return try OpenObject(name: "fastpath", image: bytes) } catch { throw .notAnObject(error) }
    }

    private func declaration(
        of map: String, in object: borrowing OpenObject
    ) throws(FastPathImageError) -> MapDeclaration {
        do { return try object.declaration(ofMap: map) } catch { throw .notAnObject(error) }
    }
}

/// Why an object file cannot be the fast path's program.
public enum FastPathImageError: Error, Sendable, CustomStringConvertible {
    /// Not a BPF object at all.
    case notAnObject(BPFError)
    case missing(kind: String, names: [String])
    /// Its tables are laid out as another version of this program has them.
    case layout(version: UInt32, known: UInt32)
    /// A map that is not what this version makes.
    case map(name: String, found: String, expected: String)

    public var description: String {
        switch self {
        case .notAnObject(let error): "not a fast-path program: \(error)"
        case .missing(let kind, let names):
            "not a fast-path program: it has no \(kind) \(names.joined(separator: ", "))"
        case .layout(let version, let known):
            "a fast-path program of layout version \(version), and this node knows version \(known): "
                + "start the node's version that goes with it"
        case .map(let name, let found, let expected):
            "not a fast-path program for these tables: its map \(name) is \(found), not \(expected)"
        }
    }
}
