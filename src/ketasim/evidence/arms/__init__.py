"""What a study's arms would show: courses of arms and the numbers read off them."""
