// SPDX-License-Identifier: Apache-2.0
// Compiles a BPF program and turns the object into Swift source:
// BPFEmbed <stem> <object> <output.swift> <clang> <clang arguments…>
import Foundation

guard CommandLine.arguments.count > 4 else {
    FileHandle.standardError.write(Data("usage: BPFEmbed <stem> <object> <output.swift> <clang> <arguments...>\n".utf8))
    exit(2)
}

func run(_ executable: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(filePath: executable)
    process.arguments = arguments
    try process.run()
    process.waitUntilExit()
    // The compiler has said what is wrong.
    if process.terminationStatus != 0 { exit(process.terminationStatus) }
}

let clang = CommandLine.arguments[4]
try run(clang, Array(CommandLine.arguments[5...]))

// DWARF is half of the object and of no use to the kernel; BTF, which is, stays.
let objcopy = URL(filePath: clang).deletingLastPathComponent().appending(path: "llvm-objcopy").path(
    percentEncoded: false)
if FileManager.default.isExecutableFile(atPath: objcopy) {
    try run(objcopy, ["--strip-debug", CommandLine.arguments[2]])
}

let stem = CommandLine.arguments[1]
let object = try Data(contentsOf: URL(filePath: CommandLine.arguments[2]))
let name = stem.split(whereSeparator: { $0 == "-" || $0 == "_" }).map { $0.prefix(1).uppercased() + $0.dropFirst() }
    .joined()

// A string literal compiles in no time; an array literal of the same bytes takes the type checker seconds.
let source = """
    // Generated from \(stem).bpf.c by BPFEmbed.

    /// The compiled object of `\(stem).bpf.c`, an ELF file in base64.
    enum \(name)Object {
        static let base64: StaticString = "\(object.base64EncodedString())"
    }

    """
try Data(source.utf8).write(to: URL(filePath: CommandLine.arguments[3]))
