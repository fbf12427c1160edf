"""What PyTorch lacks, as text: functions and classes that a program gets where one of its layers needs them."""

HELPERS = {
    "Scale": '''
class Scale(nn.Module):
    """Each channel times a weight of its own."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight.view(-1, *(1,) * (x.ndim - 2))
''',
    "mean_of_pixels": '''
def mean_of_pixels(pool: nn.Module, x: torch.Tensor, padding: tuple[int, ...]) -> torch.Tensor:
    """The mean of each window, its padding left out."""
    ones = torch.ones_like(x[:1, :1])
    return pool(F.pad(x, padding)) / pool(F.pad(ones, padding))
''',
}
