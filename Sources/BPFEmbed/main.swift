// SPDX-License-Identifier: Apache-2.0
// Turns a compiled BPF object into Swift source: BPFEmbed <stem> <object> <output.swift>
import Foundation

guard CommandLine.arguments.count == 4 else {
    FileHandle.standardError.write(Data("usage: BPFEmbed <stem> <object> <output.swift>\n".utf8))
    exit(2)
}
let stem = CommandLine.arguments[1]
let object = try Data(contentsOf: URL(filePath: CommandLine.arguments[2]))
let name = stem.split(whereSeparator: { $0 == "-" || $0 == "_" }).map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()

// A string literal compiles in no time; an array literal of the same bytes takes the type checker seconds.
let source = """
    // Generated from \(stem).bpf.c by BPFEmbed.

    /// The compiled object of `\(stem).bpf.c`, an ELF file in base64.
    enum \(name)Object {
        static let base64: StaticString = "\(object.base64EncodedString())"
    }

    """
try Data(source.utf8).write(to: URL(filePath: CommandLine.arguments[3]))
