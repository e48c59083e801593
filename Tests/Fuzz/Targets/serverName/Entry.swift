import FuzzDriver

@main enum Entry {
  static func main() { Driver.run(.serverName) }
}
