@main
struct Porthole {
  static func main() {}
}
